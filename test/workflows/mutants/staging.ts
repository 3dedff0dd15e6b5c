import type { Protections } from "./protection";

/** What brings a version to staging, and acts on what the gates say of it. */
export const staging: Protections = {
  "lib/child_workflows.py": [
    [
      "a lock whose holder is gone is no lock",
      `        raise LockLost(f"{lost}: this workflow changes nothing more.") from None`,
      "        return",
      "test_act_on_verdict.py::test_without_the_lock_nothing_is_done[gone-promote-verdicts0]",
    ],
    [
      "a lock that was let go is no lock",
      "    if now is None or now != key:",
      "    if False:",
      "test_deploy.py::test_without_the_lock_nothing_is_deployed",
    ],
    [
      "a lock that another step of its holder has is no lock",
      "    if now is None or now != key:",
      "    if now is None:",
      "test_act_on_verdict.py::test_without_the_lock_nothing_is_done[in its exit handler-promote-verdicts0]",
    ],
    [
      "another lock is no lock on staging",
      ` if lock.get("mutex", "").endswith("/staging")), None)`,
      "), None)",
      "test_child_workflows.py::test_the_lock_on_promotions_is_none_on_staging",
    ],
    [
      "a child's name follows from its parent",
      `identity = f"{metadata['uid']}/`,
      `identity = f"{time.time()}/`,
      "test_child_workflows.py::test_starts_once",
    ],
    [
      "a parent of the same name has children of its own",
      `identity = f"{metadata['uid']}/`,
      `identity = f"{metadata['name']}/`,
      "test_child_workflows.py::test_a_parent_that_is_made_again_has_children_of_its_own",
    ],
    [
      "the exit handler's child is not the one of the step that broke",
      `/{template}/{purpose}"`,
      `/{template}"`,
      "test_exit_handler.py::test_starts_a_revert_of_its_own",
    ],
    [
      "a child that is there already is the one of the first run",
      `        print(f"{name} is there already.", flush=True)`,
      "        raise",
      "test_child_workflows.py::test_starts_once",
    ],
    [
      "the lock is handed on to a child's child",
      `inherited or metadata["name"]`,
      `metadata["name"]`,
      "test_child_workflows.py::test_the_lock_is_handed_on",
    ],
    [
      "it is still the lock of the step that took it",
      `metadata.get("annotations", {}).get(constants.LOCK_KEY) if inherited else _lock_key(parent)`,
      "_lock_key(parent)",
      "test_child_workflows.py::test_the_lock_is_handed_on",
    ],
    [
      "nothing starts under a lock that does not show yet",
      "        if key is None:",
      "        if False:",
      "test_child_workflows.py::test_nothing_starts_under_a_lock_that_does_not_show_yet",
    ],
    [
      "a child under the lock does not ask for it",
      `        spec["entrypoint"] = "under-lock"`,
      "        pass",
      "test_act_on_verdict.py::test_reverts[verdicts0-reverted-integration: why]",
    ],
    [
      "a child that is deleted has not succeeded",
      `            raise StepFailed(f"{name} was deleted before it ended.")`,
      `            return {"status": {"phase": "Succeeded"}}`,
      "test_child_workflows.py::test_child_that_is_deleted",
    ],
    [
      "a child that is deleted while nobody watches is not waited for",
      `            kind = "DELETED" if _is_gone(args) else kind`,
      "            pass",
      "test_child_workflows.py::test_a_child_that_goes_while_nobody_watches[not-found-1]",
    ],
    [
      "an API server that is unreachable has deleted no child",
      `    except (StepFailed, Unavailable):
        return False`,
      `    except (StepFailed, Unavailable):
        return True`,
      "test_child_workflows.py::test_a_child_that_goes_while_nobody_watches[closed-0]",
    ],
    [
      "a revert that failed is not called one",
      `    if ended["status"]["phase"] != "Succeeded":
        raise StepFailed(f"staging`,
      `    if False:
        raise StepFailed(f"staging`,
      "test_act_on_verdict.py::test_a_failed_revert_fails",
    ],
    [
      "the reason of a revert is one that revert-staging takes",
      `.replace("{", "(").replace("}", ")")`,
      "",
      "test_act_on_verdict.py::test_the_reason_of_a_revert_is_one_that_it_takes",
    ],
    [
      "the reason of a revert is no longer than revert-staging takes",
      "outputs.clean(reason, 400)",
      "outputs.clean(reason, 4000)",
      "test_act_on_verdict.py::test_the_reason_of_a_revert_is_one_that_it_takes",
    ],
  ],
  "steps/start_workflow.py": [
    [
      "a child that failed fails its parent",
      `    if ended["status"]["phase"] != "Succeeded":`,
      "    if False:",
      "test_child_workflows.py::test_child_that_failed",
    ],
    [
      "a build is started without the lock",
      `    under_lock = template != "build-container-image"`,
      "    under_lock = True",
      "test_child_workflows.py::test_root_names_the_pipeline_run",
    ],
  ],
  "steps/deploy.py": [
    [
      "a deployment that ends a failure tells the time to restore",
      "    restore_time.tell(began, [environment])\n",
      "",
      "test_restore_time.py::test_a_deployment_that_serves_tells_it_of_the_one_before",
    ],
    [
      "what was collected is not deployed",
      "    if model.collected:",
      "    if False:",
      "test_deploy.py::test_what_was_collected_is_not_deployed",
    ],
    [
      "nothing is deployed without the lock",
      "        child_workflows.require_lock()\n",
      "",
      "test_deploy.py::test_without_the_lock_nothing_is_deployed",
    ],
    [
      "the alias moves when the version serves",
      `        rollout.release(environment, images, digest, app_version, release.mark_target_changed)
        model_registry.move_alias(environment, version)`,
      `        model_registry.move_alias(environment, version)
        rollout.release(environment, images, digest, app_version, release.mark_target_changed)`,
      "test_deploy.py::test_says_why_at_once",
    ],
    [
      "a deployment is on record before it changes anything",
      `    release = release_log.begin("deploy", environment, version)`,
      `    rollout.override(environment, rollout.image_override(built_digest(version, given)))
    release = release_log.begin("deploy", environment, version)`,
      "test_release_log.py::test_what_cannot_be_recorded_is_not_done[deploy]",
    ],
    [
      "the record of a deployment that failed is closed",
      `        release.fail(failure)`,
      "        pass",
      "test_deploy.py::test_says_why_at_once",
    ],
    [
      "the record of a deployment is closed with what serves",
      `    release.end("deployed", sentence, Served(app_version, digest))`,
      "    pass",
      "test_deploy.py::test_is_on_record_with_where_the_model_is_from",
    ],
    [
      "an MLflow that is unreachable leaves the record open",
      "    except StepFailed as failure:",
      "    except Exception as failure:",
      "test_deploy.py::test_runs_again_where_mlflow_became_unreachable_before_the_alias",
    ],
    [
      "a digest that is given is the built one",
      "    if given and given != digest:",
      "    if False:",
      "test_inputs.py::test_digest_of_another_image_is_refused",
    ],
    [
      "a version without an image is not deployed",
      "    if not digest:",
      "    if False:",
      "test_deploy.py::test_version_without_image",
    ],
  ],
  "steps/act_on_verdict.py": [
    [
      "no verdict is acted on without the lock",
      "        child_workflows.require_lock()\n",
      "",
      "test_act_on_verdict.py::test_without_the_lock_nothing_is_done[let go-revert-verdicts1]",
    ],
    [
      "a revert that failed does not hide why it was made",
      `raise StepFailed(f"{reason}; {failure}") from failure`,
      "raise",
      "test_act_on_verdict.py::test_a_failed_revert_fails",
    ],
    [
      "an MLflow that is unreachable is no outcome",
      `    except StepFailed as failure:
        outputs.outcome`,
      `    except Exception as failure:
        outputs.outcome`,
      "test_act_on_verdict.py::test_an_mlflow_that_is_unreachable_is_waited_for_by_running_again",
    ],
    [
      "a report that cannot be read is no pass",
      `    return 0, {"gate": name, "verdict": "inconclusive"`,
      `    return 0, {"gate": name, "verdict": "pass"`,
      "test_act_on_verdict.py::test_a_gate_without_a_report_is_inconclusive_and_never_a_pass[left0]",
    ],
    [
      "a list of gates that cannot be read is none",
      "    except (ValueError, TypeError):",
      "    except ZeroDivisionError:",
      "test_act_on_verdict.py::test_no_list_of_gates_is_no_pass",
    ],
    [
      "no gates are no pass",
      "    if not reports:",
      "    if False:",
      "test_act_on_verdict.py::test_no_list_of_gates_is_no_pass",
    ],
    [
      "the report of another gate is no report",
      `report["gate"] == name and `,
      "",
      "test_act_on_verdict.py::test_a_gate_without_a_report_is_inconclusive_and_never_a_pass[left3]",
    ],
    [
      "a report says what its gate said",
      `report["verdict"] == given["verdict"] and `,
      "",
      "test_act_on_verdict.py::test_a_gate_without_a_report_is_inconclusive_and_never_a_pass[left4]",
    ],
    [
      "a verdict that no gate gives is no report",
      ` and given["verdict"] in VERDICTS`,
      "",
      "test_act_on_verdict.py::test_a_gate_without_a_report_is_inconclusive_and_never_a_pass[left5]",
    ],
    [
      "only a pass is no reason to stop",
      `        if report["verdict"] != "pass":`,
      `        if report["verdict"] == "fail":`,
      "test_act_on_verdict.py::test_never_promotes_anything_else[verdicts1]",
    ],
    [
      "a broken check is no fault of the model's",
      `word = "fail" if report["verdict"] == "fail" else "inconclusive"`,
      `word = "fail"`,
      "test_act_on_verdict.py::test_reverts[verdicts5-inconclusive-integration: why]",
    ],
    [
      "the gate that decided says more than one that could not ask",
      `(1 if given["decided"] == "yes" else 2)`,
      "1",
      "test_act_on_verdict.py::test_reverts[verdicts7-inconclusive-resource: why]",
    ],
    [
      "a gate that was skipped did not decide",
      `    if phase == "Skipped":`,
      "    if False:",
      "test_act_on_verdict.py::test_every_gate_is_on_record_also_one_that_was_skipped",
    ],
    [
      "a fail is recorded first",
      `    if word != "pass":  # first, so that an earlier pass never vouches for what failed now
        model_registry.tag(version, staging__verdict=word)
    # A gate has written its own report, as a rule. Whenever a tag is set, MLflow reads every version of the model.
    texts = {f"gate.{report['gate']}": json.dumps(report, separators=(",", ":")) for report in reports}
    tags = {key: text for key, text in texts.items() if model.tags.get(key) != text}
    at = model_registry.now()
    model_registry.tag(version, **tags, staging__reason=reason, staging__digest=digest, staging__verdict_at=at)
    if word == "pass":  #`,
      `    texts = {f"gate.{report['gate']}": json.dumps(report, separators=(",", ":")) for report in reports}
    tags = {key: text for key, text in texts.items() if model.tags.get(key) != text}
    at = model_registry.now()
    model_registry.tag(version, **tags, staging__reason=reason, staging__digest=digest, staging__verdict_at=at)
    if True:  #`,
      "test_act_on_verdict.py::test_a_fail_is_recorded_first_and_a_pass_last",
    ],
    [
      "a pass makes its version the last changed one",
      "        model_registry.mark_changed(model)\n",
      "",
      "test_act_on_verdict.py::test_a_pass_makes_its_version_the_last_changed_one_and_keeps_its_description",
    ],
    [
      "a pass is recorded last",
      `    if word != "pass":  # first`,
      "    if True:  # first",
      "test_act_on_verdict.py::test_a_fail_is_recorded_first_and_a_pass_last",
    ],
    [
      "what is promoted is what was tested",
      "    if not model.digest or digest not in (None, model.digest):",
      "    if False:",
      "test_act_on_verdict.py::test_never_promotes_what_was_not_tested",
    ],
    [
      "what has no image is not promoted",
      "    if not model.digest or digest",
      "    if digest",
      "test_act_on_verdict.py::test_a_version_without_an_image_is_not_judged",
    ],
    [
      "only what passed is promoted",
      `    if word != "pass":
        raise`,
      `    if False:
        raise`,
      "test_act_on_verdict.py::test_never_promotes_anything_else[verdicts1]",
    ],
    [
      "staging's alias moves where its deployment could not move it",
      `    model_registry.move_alias(constants.STAGING, version)`,
      "    pass",
      "test_act_on_verdict.py::test_alias_that_the_deployment_could_not_move",
    ],
    [
      "a version that was deleted while it was tested is reverted",
      "    except model_registry.Missing as missing:  # staging goes back all the same",
      "    except ZeroDivisionError as missing:",
      "test_act_on_verdict.py::test_a_version_that_was_deleted_while_it_was_tested_is_reverted[fail]",
    ],
    [
      "after a revert only a person promotes the same version",
      `    if "staging.reverted_at" in model.tags:`,
      "    if False:",
      "test_act_on_verdict.py::test_after_a_revert_only_a_person_promotes_the_same_version",
    ],
    [
      "a promotion that a rule forbids is held",
      `    if child_workflows.output(ended, "outcome") == "refused":`,
      "    if False:",
      "test_act_on_verdict.py::test_a_promotion_that_a_rule_forbids_is_held",
    ],
    [
      "a promotion that failed is not called one",
      `    if ended["status"]["phase"] != "Succeeded":
        raise StepFailed(f"{passed}`,
      `    if False:
        raise StepFailed(f"{passed}`,
      "test_act_on_verdict.py::test_a_promotion_that_failed_is_broken",
    ],
  ],
};
