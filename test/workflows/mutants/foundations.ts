import type { Protections } from "./protection";

/** What comes in from outside, and what goes out to other tools. */
export const foundations: Protections = {
  "lib/inputs.py": [
    [
      "a value is checked to its end",
      "    if not pattern.fullmatch(value):",
      "    if not pattern.match(value):",
      "test_inputs.py::test_refused_by_the_check[version-1\\n2]",
    ],
    [
      "a number is checked to its end",
      `    if not re.fullmatch(r"[0-9]{1,7}`,
      `    if not re.match(r"[0-9]{1,7}`,
      "test_inputs.py::test_a_number_is_a_number_within_its_bounds",
    ],
    [
      "a number has its bounds",
      " or not low <= float(text) <= high:",
      ":",
      "test_inputs.py::test_a_number_is_a_number_within_its_bounds",
    ],
    [
      "digits are ASCII",
      `re.compile(r"[1-9][0-9]{0,8}", re.ASCII)`,
      `re.compile(r"\\d{1,9}")`,
      "test_inputs.py::test_refused_by_the_check[version-\\u0661]",
    ],
    [
      "a version begins at 1",
      `re.compile(r"[1-9][0-9]{0,8}", re.ASCII)`,
      `re.compile(r"[0-9]{1,9}", re.ASCII)`,
      "test_inputs.py::test_refused_by_the_check[version-0]",
    ],
    [
      "a reason has no braces",
      `{}]{0,500}")`,
      `]{0,500}")`,
      "test_inputs.py::test_reason_for_the_record[{{workflow.failures}}]",
    ],
    ["a reason is one line", `r"[^\\x00-\\x1f\\x7f{}]`, `r"[^{}]`, "test_inputs.py::test_reason_for_the_record[a\\nb]"],
    [
      "a message shows a value in ASCII",
      "    text = ascii(value)",
      "    text = repr(value)",
      "test_inputs.py::test_refused_by_the_script[value1-run_training-SCENARIO]",
    ],
    [
      "a message shows no more than the beginning of a value",
      "    return text if len(text) <= 40 else",
      "    return text if True else",
      "test_inputs.py::test_refused_by_the_check",
    ],
    [
      "a choice is one of those offered",
      "    if value not in choices:",
      "    if False:",
      "test_inputs.py::test_refused_by_the_check[scenario-kube-system]",
    ],
    [
      "nothing else is restored",
      "return [_one_of(name, choices)] if",
      "return [_given(name)] if",
      "test_restore.py::test_other_namespaces_are_refused[kube-system]",
    ],
    [
      "there is no other way up",
      "    if (source, target) not in promotions():",
      "    if False:",
      "test_inputs.py::test_no_other_way_up[pair0]",
    ],
    [
      "environments begin with staging",
      `next(iter(found), None) == "staging" and `,
      "",
      "test_environments.py::test_malformed_environments_are_refused",
    ],
    [
      "an environment has a URL inside the cluster",
      " and _URL.fullmatch(str(url)))",
      ")",
      "test_environments.py::test_malformed_environments_are_refused",
    ],
    [
      "remote environments are those of environments",
      "isinstance(entry, str) and entry in known for",
      "isinstance(entry, str) for",
      "test_environments.py::test_malformed_remote_environments_are_refused",
    ],
    [
      "remote environments are a list",
      "    if isinstance(found, list) and all(",
      "    if found is not None and all(",
      "test_environments.py::test_malformed_remote_environments_are_refused",
    ],
    [
      "remote environments are checked before anything runs",
      "    remote_environments()  #",
      "    #",
      "test_environments.py::test_malformed_remote_environments_are_refused",
    ],
  ],
  "lib/outputs.py": [
    [
      "an output has no template braces",
      `    line = re.sub(r"(?<=\\{)(?=\\{)|(?<=\\})(?=\\})", " ", line)`,
      "    pass",
      "test_promote.py::test_not_while_frozen",
    ],
    [
      "an output is one line",
      ".decode().split())",
      `.decode().split(" "))`,
      "test_outputs.py::test_an_output_is_one_short_line_of_ascii",
    ],
    [
      "an output is ASCII",
      `str(text).encode("ascii", "replace").decode()`,
      "str(text)",
      "test_outputs.py::test_an_output_is_one_short_line_of_ascii",
    ],
    [
      "an output has its length",
      "    return line if len(line) <= limit else",
      "    return line if True else",
      "test_outputs.py::test_an_output_is_one_short_line_of_ascii",
    ],
  ],
  "lib/http_client.py": [
    [
      "a file that breaks off is not taken for a whole one",
      "            _require_whole(answer, file.tell())",
      "            pass",
      "test_http_client.py::test_how_much_came_is_said",
    ],
    [
      "an answer that breaks off is none",
      "            _require_whole(answer, len(content))\n",
      "",
      "test_http_client.py::test_an_answer_that_breaks_off_is_none[after-some-bytes]",
    ],
    [
      "headers that break off say no length",
      "    if answer.length is None and not answer.chunked:",
      "    if False:",
      "test_http_client.py::test_an_answer_that_breaks_off_is_none[in-the-headers]",
    ],
    [
      "a file is what its hash says",
      "    if registered and found != registered:",
      "    if False:",
      "test_build_image.py::test_an_artifact_is_what_training_registered[0000000000000000000000000000000000000000000000000000000000000000-1]",
    ],
    [
      "an error whose text breaks off keeps its status",
      "        except (OSError, http.client.HTTPException) as broken:",
      "        except ZeroDivisionError as broken:",
      "test_http_client.py::test_an_error_whose_text_breaks_off_has_its_status[503 x-Unreachable]",
    ],
    [
      "a busy server is asked again",
      "        raise (Unreachable if error.code in TRANSIENT_STATUSES else Refused)(said) from error",
      "        raise Refused(said) from error",
      "test_http_client.py::test_a_file_that_breaks_off_is_to_be_fetched_again[503]",
    ],
  ],
  "lib/kubectl.py": [
    [
      "an API server that is unreachable is waited for by running again",
      "    return Unavailable if is_transient(message, *TRANSIENT_SIGNS) else StepFailed",
      "    return StepFailed",
      "test_gates.py::test_a_cluster_that_does_not_answer_is_no_verdict",
    ],
    [
      "what an API server refuses is not tried again",
      "    return Unavailable if is_transient(message, *TRANSIENT_SIGNS) else StepFailed",
      "    return Unavailable",
      "test_recorded.py::test_failure_of_kubectl[forbidden]",
    ],
    [
      "what is not there is told from what is unreachable",
      "        return NotFound",
      "        return StepFailed",
      "test_act_on_verdict.py::test_without_the_lock_nothing_is_done[gone-promote-verdicts0]",
    ],
    [
      "what is there already is told from a failure",
      "        return AlreadyExists",
      "        return StepFailed",
      "test_child_workflows.py::test_starts_once",
    ],
    [
      "a stream that the API server closes begins anew",
      `    while time.monotonic() < deadline:
        began`,
      `    if time.monotonic() < deadline:
        began`,
      "test_child_workflows.py::test_a_child_that_goes_while_nobody_watches[closed-0]",
    ],
    [
      "a read may end inside a character",
      `codecs.getincrementaldecoder("utf-8")("replace")`,
      `codecs.getincrementaldecoder("latin-1")("replace")`,
      "test_kubectl.py::test_a_read_may_end_inside_a_character",
    ],
    ["a stream that is left is closed", "        selector.close()\n", "", "test_kubectl.py::test_closes_its_selector"],
  ],
  "lib/crane.py": [
    [
      "a registry that is unreachable is waited for by running again",
      "    kind = Unavailable if is_transient(message, *TRANSIENT_SIGNS) else StepFailed",
      "    kind = StepFailed",
      "test_build_image.py::test_registry_unreachable",
    ],
    [
      "what a registry refuses is not tried again",
      "    kind = Unavailable if is_transient(message, *TRANSIENT_SIGNS) else StepFailed",
      "    kind = Unavailable",
      "test_build_image.py::test_registry_that_refuses",
    ],
    [
      "a registry with too many requests is asked again",
      '    "TOOMANYREQUESTS",\n',
      "",
      "test_recorded.py::test_failure_of_crane[TOOMANYREQUESTS]",
    ],
    [
      "a push that a restart of the registry cut off runs again",
      '    "MANIFEST_BLOB_UNKNOWN",\n',
      "",
      "test_recorded.py::test_failure_of_crane[MANIFEST_BLOB_UNKNOWN]",
    ],
    [
      "a registry that is full is final",
      "    full_volume.require_room(done.stderr, full_volume.REGISTRY)\n",
      "",
      "test_recorded.py::test_failure_of_crane[UNKNOWN]",
    ],
  ],
  "lib/app_image.py": [
    [
      "what was collected is not built",
      "    model_registry.require_not_collected(version)\n",
      "",
      "test_build_image.py::test_what_was_collected_is_not_built",
    ],
    [
      "an image that the registry lost is built again",
      "        rebuild(released.number, released.digest)",
      "        pass",
      "test_restore.py::test_an_image_that_the_registry_lost_is_built_again",
    ],
    [
      "an image whose base is gone is not built",
      "    if not crane.exists(base):",
      "    if False:",
      "test_restore.py::test_an_image_whose_base_is_gone_too_names_what_helps",
    ],
    [
      "another image is not taken for the one that was lost",
      "    if built != digest:",
      "    if False:",
      "test_revert.py::test_an_image_that_cannot_be_built_again_is_passed_over[other]",
    ],
    [
      "a registry that is away stops no revert",
      "    except Unavailable as unavailable:",
      "    except ZeroDivisionError as unavailable:",
      "test_revert.py::test_a_registry_that_is_away_stops_no_revert",
    ],
    [
      "an empty model is not built",
      "    if model.stat().st_size == 0:",
      "    if False:",
      "test_build_image.py::test_what_was_not_built_has_no_digest",
    ],
    [
      "an image is what crane pushed",
      "    if not found:",
      "    if False:",
      "test_build_image.py::test_what_was_not_built_has_no_digest",
    ],
    [
      "a layer is the same every time",
      "            entry = tarfile.TarInfo(name)",
      "            entry = tar.gettarinfo(path, name)",
      "test_build_image.py::test_layer_is_the_same_every_time",
    ],
  ],
  "steps/run_training.py": [
    [
      "a model below the bar goes no further",
      "    if code == BELOW_ACCURACY_BAR:",
      "    if False:",
      "test_run_training.py::test_training[print('accuracy 0.41 is below the bar of 0.60'); sys.exit(3)]",
    ],
    [
      "a training that failed fails",
      "    if code != 0:",
      "    if False:",
      "test_run_training.py::test_training[raise MemoryError('no memory')]",
    ],
  ],
  "lib/transient.py": [
    [
      "the words for a network that is unreachable are known",
      "(*NETWORK_ERRORS, *signs)",
      "signs",
      "test_build_image.py::test_registry_unreachable",
    ],
  ],
  "lib/step.py": [
    [
      "what is unreachable has an exit code of its own",
      `        _stop("Unavailable", failure, UNAVAILABLE)`,
      `        _stop("Unavailable", failure, 1)`,
      "test_build_image.py::test_registry_unreachable",
    ],
    [
      "what stops a step is its reason",
      `    outputs.write("reason", outputs.clean(problem))`,
      "    pass",
      "test_deploy.py::test_says_why_at_once",
    ],
  ],
  "lib/errors.py": [
    [
      "what is unreachable is no failure",
      "class Unavailable(Exception):",
      "class Unavailable(StepFailed):",
      "test_promote.py::test_a_registry_that_is_unreachable_is_waited_for_by_running_again",
    ],
  ],
};
