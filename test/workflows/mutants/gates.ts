import type { Protections } from "./protection";

/** What is seen of a candidate, and what it is taken for. */
export const gates: Protections = {
  "scripts/gate.py": [
    ["a check that breaks leaves a verdict", "    except Exception as error:", "    except ZeroDivisionError as error:", "test_gates.py::test_settings_that_make_no_sense_never_pass"],
    [
      "a check that breaks is no pass",
      `verdict = Verdict("inconclusive", f"the {gate} check itself broke`,
      `verdict = Verdict("pass", f"the {gate} check itself broke`,
      "test_gates.py::test_settings_that_make_no_sense_never_pass",
    ],
    ["a cluster that is away is no verdict", "    except inputs.Unavailable:", "    except ZeroDivisionError:", "test_gates.py::test_a_cluster_that_does_not_answer_is_no_verdict"],
    [
      "a verdict stands without MLflow",
      "    except (inputs.StepFailed, inputs.Unavailable) as failure:",
      "    except inputs.StepFailed as failure:",
      "test_protections_of_gates.py::test_a_verdict_stands_without_mlflow",
    ],
    [
      "a verdict stands when MLflow refuses it",
      "    except (inputs.StepFailed, inputs.Unavailable) as failure:",
      "    except inputs.Unavailable as failure:",
      "test_protections_of_gates.py::test_a_verdict_stands_where_mlflow_does_not_take_it",
    ],
    ["a reason passes through a template unharmed", "= verdict, outputs.clean(reason), reached", "= verdict, reason, reached", "test_gates.py::test_integration_fails_on_a_wrong_answer[answer5]"],
    ["a candidate that gave no answer is left to the next gate", ` != "pass" and self.reached`, ` != "pass"`, "test_gates.py::test_integration_cut_off_during_the_test"],
    ["a gate that passed leaves it to the next one", `        return self.verdict != "pass" and self.reached`, "        return self.reached", "test_gates.py::test_integration_passes"],
  ],
  "scripts/gate-integration.py": [
    [
      "only the version under test is tested",
      `    if not web.poll(lambda: rollout.version_of("staging") == wanted, wait):`,
      "    if False:",
      "test_gates.py::test_integration_does_not_test_another_version[answer0]",
    ],
    [
      "the version under test answers after the test too",
      `    if rollout.version_of("staging") != wanted:
        return gate.fail("the`,
      `    if False:
        return gate.fail("the`,
      "test_protections_of_gates.py::test_integration_fails_when_another_version_answers_after_the_test",
    ],
    ["an error is no class", "    if status != 200:", "    if False:", "test_protections_of_gates.py::test_integration_takes_no_class_out_of_an_error"],
    ["a class of Food-11 is asked for", "    if answer not in names.FOOD_11:", "    if False:", "test_gates.py::test_integration_fails_on_a_wrong_answer[answer1]"],
    [
      "a test without an answer has not reached the candidate",
      `        return gate.fail(f"/test gave no answer: {error}", reached=False)`,
      `        return gate.fail(f"/test gave no answer: {error}")`,
      "test_gates.py::test_integration_cut_off_during_the_test",
    ],
  ],
  "scripts/gate-resource.py": [
    ["a restart that was recovered from is seen", "digest, strict=True)", "digest)", "test_gates.py::test_resource_fails_on_a_restart_that_was_recovered_from"],
    ["a model that was not tried has not failed", "    if not found.tried:", "    if False:", "test_gates.py::test_resource_does_not_judge_another_pod"],
    [
      "a pod that is not ready in time fails",
      "    return gate.fail(reason, **found.metrics)",
      `    return gate.Verdict("pass", reason, **found.metrics)`,
      "test_gates.py::test_resource_fails_on_pending",
    ],
  ],
  "scripts/gate-load.py": [
    ["a hey that cannot run is no verdict on the model", "    if done.returncode != 0:", "    if False:", "test_gates.py::test_load_that_cannot_run_is_inconclusive"],
    ["the figures are judged", "    problem = judge(result) or survived(", "    problem = survived(", "test_gates.py::test_load_fails_with_its_figures[flaky-80 %]"],
    [
      "the pods are judged after the load",
      "judge(result) or survived(before, digest, names.app_version(version))",
      "judge(result)",
      "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after0]",
    ],
    ["a report without answers fails", `        return "hey reports no answers and no errors"`, "        return None", "test_protections_of_gates.py::test_load_fails_when_hey_counts_nothing"],
    ["the success must be over its bar", "    if not result.success_percent > needed:", "    if not result.success_percent >= needed:", "test_protections_of_gates.py::test_load_must_be_over_its_bar"],
    ["a report without its percentile fails", `        return "hey reports no 95th percentile"`, "        return None", "test_gates.py::test_load_fails_with_its_figures[few-no 95th]"],
    ["slow answers fail", "    if not result.p95_ms < allowed:", "    if False:", "test_gates.py::test_load_fails_with_its_figures[slow-must be under 2000 ms]"],
    ["a kill under load is named", `    if found.state == "failing":`, "    if False:", "test_protections_of_gates.py::test_load_names_a_kill"],
    ["a restart under load fails", " or any(after[pod] > before[pod] for pod in after):", ":", "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after0]"],
    [
      "a pod that was replaced under load fails",
      "    if set(after) != set(before) or any(after[pod] > before[pod] for pod in after):",
      "    if any(after[pod] > before.get(pod, 0) for pod in after):",
      "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after2]",
    ],
    ["a pod that is not ready after the load fails", `    if found.state != "ready":`, "    if False:", "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after3]"],
    [
      "the version under test answers after the load too",
      `    return None if served == wanted else f"after`,
      `    return None if True else f"after`,
      "test_protections_of_gates.py::test_load_fails_when_another_version_answers_after_it",
    ],
  ],
  "scripts/hey.py": [
    ["requests without an answer are counted", `    errors = sum(int(count) for count in _ERROR.findall(sections.get("Error", "")))`, "    errors = 0", "test_hey.py::test_recorded[reset]"],
    ["success is a share of all requests", "round(100 * good / self.total, 2)", "round(100 * good / sum(self.codes.values()), 2)", "test_hey.py::test_recorded[reset]"],
    ["only 2xx is success", "if 200 <= code < 300)", "if 200 <= code)", "test_hey.py::test_recorded[flaky]"],
    ["no answers are no success", "if self.total else None", "if self.total else 100.0", "test_hey.py::test_missing_is_missing[]"],
    ["a percentile that is missing is not good", "if p95 else None)", "if p95 else 0.0)", "test_hey.py::test_recorded[few]"],
    ["the 95 % line is read, and no other", `r"^\\s*95%+ in`, `r"^\\s*\\d+%+ in`, "test_hey.py::test_recorded[few]"],
    ["a percentile is read from its section", `_P95.search(sections.get("Latency", ""))`, "_P95.search(report)", "test_hey.py::test_missing_is_missing[95% in 0.1 secs]"],
    ["hey's seconds are milliseconds here", "float(p95.group(1)) * 1000", "float(p95.group(1))", "test_hey.py::test_percentile_is_in_milliseconds"],
  ],
  "scripts/pods.py": [
    ["only the pods of the digest under test count", `return _container(pod).get("image", "").endswith(f"@{digest}")`, "return True", "test_gates.py::test_resource_does_not_judge_another_pod"],
    ["a kill that a restart hides is seen", "for one in (state, last) if", "for one in (state,) if", "test_gates.py::test_resource_sees_a_kill_that_a_restart_hides[oom-recovered-2]"],
    ["a kill is named", `    if any(end.get("reason") == "OOMKilled" for end in ends):`, "    if False:", "test_gates.py::test_resource_sees_a_kill_that_a_restart_hides[oom-killed-0]"],
    ["a restart counts for the gate", "    if strict and (count > 0 or ends):", "    if False:", "test_gates.py::test_resource_fails_on_a_restart_that_was_recovered_from"],
    ["a crash loop is hopeless", `    "CrashLoopBackOff", "InvalidImageName"`, `    "InvalidImageName"`, "test_protections.py::test_a_crash_loop_is_not_waited_for"],
    ["an image that no pod came to run was not tried", ", tried=bool(_lost(pods, digest)))", ")", "test_gates.py::test_resource_does_not_judge_another_pod"],
    [
      "an image that could not be pulled was not tried",
      "tried = all(_ran(pod) or _unschedulable(pod) for pod in pending)",
      "tried = True",
      "test_gates.py::test_resource_does_not_blame_the_model_for_the_registry",
    ],
    ["a pod that no node takes was tried", "_ran(pod) or _unschedulable(pod) for", "_ran(pod) for", "test_gates.py::test_resource_fails_on_pending"],
    ["a pod that ended is not waited for", ` or pod.get("status", {}).get("phase") in ("Failed", "Succeeded")`, "", "test_deploy.py::test_pods_that_ended_do_not_stand_in_the_way[ended0]"],
    ["a pod that leaves serves no more", `return "deletionTimestamp" in pod["metadata"] or `, "return ", "test_promote.py::test_promotes[staging-canary]"],
    ["a source runs only what is ready", ` and _status(pod).get("ready")]`, "]", "test_promote.py::test_only_what_the_source_runs[running2]"],
    ["a pod that is not ready is waited for", "    if pending:", "    if False:", "test_deploy.py::test_says_what_it_waited_for"],
    ["a pod of the previous image is waited for", "    if others:", "    if False:", "test_deploy.py::test_the_first_of_a_list_is_not_taken_for_all"],
  ],
  "scripts/rollout.py": [
    ["the version must answer", "    if not web.poll(matches, deadline - time.monotonic()):", "    if False:", "test_protections.py::test_a_version_that_does_not_answer_is_not_deployed"],
    ["the first pod of a list is not taken for all", `        if verdict.state == "ready" and kind == "ADDED":`, "        if False:", "test_deploy.py::test_the_first_of_a_list_is_not_taken_for_all"],
    ["what cannot come true is not waited for", `        if verdict.state == "failing":`, "        if False:", "test_protections.py::test_a_crash_loop_is_not_waited_for"],
    [
      "a stream that begins anew forgets what went",
      `            seen = {}
            continue`,
      "            continue",
      "test_protections.py::test_a_stream_that_begins_anew_forgets_what_went",
    ],
    ["Argo CD is asked again while nothing happens", "            _patch(environment, REFRESH)", "            pass", "test_deploy.py::test_argo_cd_is_asked_again_while_nothing_happens"],
    [
      "a reason stands when Argo CD cannot be asked",
      "    except (StepFailed, Unavailable) as failure:  #",
      "    except StepFailed as failure:  #",
      "test_deploy.py::test_reason_stands_when_argo_cd_cannot_be_asked[no-such-host]",
    ],
    [
      "a reason stands when Argo CD may not be asked",
      "    except (StepFailed, Unavailable) as failure:  #",
      "    except Unavailable as failure:  #",
      "test_deploy.py::test_reason_stands_when_argo_cd_cannot_be_asked[forbidden]",
    ],
    [
      "an image is named by its digest",
      `    return [f"{names.APP_IMAGE}={repository()}@{digest}"]`,
      `    return [f"{names.APP_IMAGE}={repository()}:latest"]`,
      "test_deploy.py::test_waits_for_the_new_pod_alone",
    ],
  ],
  "scripts/run-gate.py": [
    [
      "only a gate whose script is there is asked",
      `inputs.choice("GATE", sorted(script.stem.removeprefix(PREFIX) for script in here.glob(f"{PREFIX}*.py")))`,
      `inputs.raw("GATE")`,
      "test_gates.py::test_only_a_gate_whose_script_is_there[../gate-load]",
    ],
    [
      "a gate that cannot be loaded is inconclusive",
      `lambda *candidate: importlib.import_module(f"{PREFIX}{name}").check(*candidate)`,
      `importlib.import_module(f"{PREFIX}{name}").check`,
      "test_one_more_gate.py::test_that_is_broken_is_inconclusive[import nothing_of_this_name]",
    ],
  ],
};
