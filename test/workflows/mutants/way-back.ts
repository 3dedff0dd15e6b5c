import type { Protections } from "./protection";

/** What takes an environment back, and what it must not take back. */
export const wayBack: Protections = {
  "steps/exit_handler.py": [
    [
      "the exit handler changes nothing without the lock",
      "        child_workflows.require_lock(workflow)\n",
      "",
      "test_exit_handler.py::test_leaves_staging_to_whoever_holds_the_lock",
    ],
    [
      "an MLflow that is unreachable is no outcome",
      "    except StepFailed as failure:",
      "    except Exception as failure:",
      "test_exit_handler.py::test_an_exit_handler_that_cannot_ask_mlflow_runs_again",
    ],
    [
      "the exit handler leaves what passed alone",
      "    if model.verified_digest and (",
      "    if False and (",
      "test_exit_handler.py::test_leaves_what_passed_alone[8]",
    ],
    [
      "a build that was not tested did not pass",
      "    if model.verified_digest and (released == model.verified_digest or released != model.digest):",
      "    if model.verified_digest:",
      "test_exit_handler.py::test_a_pass_is_none_for_a_later_build",
    ],
    [
      "the exit handler leaves another version alone",
      "    if released is None or model.digest != released:",
      "    if False:",
      "test_exit_handler.py::test_records_what_never_came_to_staging",
    ],
    [
      "the exit handler's revert is not the one that broke",
      `, purpose="exit-handler")`,
      ")",
      "test_exit_handler.py::test_starts_a_revert_of_its_own",
    ],
    [
      "the exit handler keeps the verdict of its own run",
      "    if not judged:",
      "    if True:",
      "test_exit_handler.py::test_keeps_the_verdict_of_its_own_run[fail]",
    ],
    [
      "the exit handler replaces the verdict of an earlier run",
      "    if not judged:",
      "    if False:",
      "test_exit_handler.py::test_replaces_the_verdict_of_an_earlier_run",
    ],
  ],
  "steps/revert.py": [
    [
      "the alias moves when staging is back",
      "        # Patching to what is there already",
      `        model_registry.move_alias(STAGING, number)
        # Patching to what is there already`,
      "test_revert.py::test_a_revert_that_fails_leaves_the_alias_and_says_so",
    ],
    [
      "nothing is reverted without the lock",
      "    child_workflows.require_lock()\n",
      "",
      "test_revert.py::test_without_the_lock_nothing_is_reverted",
    ],
    [
      "an MLflow that is unreachable is no outcome",
      `    except StepFailed as failure:
        outputs`,
      `    except Exception as failure:
        outputs`,
      "test_revert.py::test_a_revert_that_is_interrupted_continues_with_its_record[registered-models/alias]",
    ],
    [
      "an MLflow that is unreachable leaves the record open",
      `    except StepFailed as failure:
        if release:`,
      `    except Exception as failure:
        if release:`,
      "test_revert.py::test_a_revert_that_is_interrupted_continues_with_its_record[registered-models/alias]",
    ],
    [
      "a revert is on record before it changes anything",
      `    release = release_log.begin("revert", STAGING, number)`,
      `    rollout.override(STAGING, None)
    release = release_log.begin("revert", STAGING, number)`,
      "test_release_log.py::test_what_cannot_be_recorded_is_not_done[revert]",
    ],
    [
      "the record of a revert that failed is closed",
      `            release.end("broken", f"{why}; {failure}")`,
      "            pass",
      "test_revert.py::test_a_revert_that_fails_leaves_the_alias_and_says_so",
    ],
    [
      "the record of a revert is closed with what serves",
      `        release.end("reverted", f"{why}; staging is back on {place}", serves)`,
      "        pass",
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "a revert that was interrupted closes its record",
      ` if changes else release_log.opened("revert", STAGING)`,
      " if changes else None",
      "test_revert.py::test_a_revert_that_is_interrupted_continues_with_its_record[runs/log-batch]",
    ],
    [
      "a revert that changes nothing leaves no record",
      `release_log.begin("revert", STAGING, number) if changes else`,
      `release_log.begin("revert", STAGING, number) if True else`,
      "test_revert.py::test_on_a_schedule_changes_nothing_where_all_is_well",
    ],
    [
      "the record of what was cut off is closed",
      `    release_log.close_interrupted(STAGING, f"staging serves {place}", serves)`,
      "    pass",
      "test_revert.py::test_closes_the_record_of_a_deployment_that_was_deleted",
    ],
    [
      "a version that was taken back says so",
      `    if failed:
        model_registry.tag(`,
      `    if False:
        model_registry.tag(`,
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "the alias goes where no version passed",
      "            model_registry.drop_alias(STAGING)",
      "            pass",
      "test_revert.py::test_first_model_bad",
    ],
    [
      "never back to the version that failed",
      " and version.number != failed]",
      "]",
      "test_revert.py::test_a_version_that_passed_is_not_gone_back_to_when_it_is_the_failed_one",
    ],
    [
      "never back to a version that did not pass",
      "    passed = [version for version in versions if version.verified_digest and version.number",
      "    passed = [version for version in versions if version.number",
      "test_revert.py::test_goes_back_to_the_image_that_passed_alone",
    ],
    [
      "back to the image that was tested, not to a later build",
      "    app_version, digest = constants.app_version(target.number), target.verified_digest",
      "    app_version, digest = constants.app_version(target.number), target.digest",
      "test_revert.py::test_goes_back_to_the_image_that_passed_alone",
    ],
    [
      "back to the version that passed last",
      `    return version.tags.get("staging.verdict_at", ""), int(version.number)`,
      "    return int(version.number)",
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "what staging runs without having passed is the failed version",
      "    failed = failed or unverified_version(versions, running)",
      "    pass",
      "test_revert.py::test_by_hand_without_parameters",
    ],
    [
      "what passed is not taken for failed",
      " if version.verified_digest != running), None)",
      "), None)",
      "test_revert.py::test_on_a_schedule_changes_nothing_where_all_is_well",
    ],
  ],
  "steps/restore.py": [
    [
      "environments after staging get another sync",
      "        rollout.retry_failed_sync(target)\n",
      "        pass\n",
      "test_restore.py::test_a_sync_that_argo_cd_gave_up_is_tried_again_and_no_other",
    ],
  ],
  "lib/restoration.py": [
    [
      "nothing is restored where alias and release agree",
      `    if running != (good.digest if good else None):`,
      "    if True:",
      "test_restore.py::test_changes_nothing_where_all_is_well",
    ],
    [
      "what differs from its alias is restored",
      "    running = rollout.released_digest(environment)",
      "    running = good.digest if good else None",
      "test_restore.py::test_goes_back_to_the_alias",
    ],
    [
      "an alias on a version that was never promoted there is no way back",
      "    if not digest:",
      "    if False:",
      "test_restore.py::test_an_alias_that_was_moved_by_hand_is_named_and_left",
    ],
    [
      "a restoration is on record before it changes anything",
      `        release = release_log.begin("restore", environment, model_registry.alias(environment))`,
      `        rollout.override(environment, None)
        release = release_log.begin("restore", environment, model_registry.alias(environment))`,
      "test_release_log.py::test_what_cannot_be_recorded_is_not_done[restore]",
    ],
    [
      "the record of a restoration is closed",
      `        release.end("restored", sentence, serves)`,
      "        pass",
      "test_restore.py::test_goes_back_to_the_alias",
    ],
    [
      "the record of what was cut off is closed",
      `    release_log.close_interrupted(environment, f"{environment} serves {served}", serves)`,
      "    pass",
      "test_restore.py::test_goes_back_to_the_alias",
    ],
    [
      "a way back that fails too does not hide why it was taken",
      "    except (StepFailed, Unavailable) as failure:",
      "    except Unavailable as failure:",
      "test_promote.py::test_a_way_back_that_fails_does_not_hide_why_it_was_taken[failing]",
    ],
    [
      "a way back that finds MLflow unreachable does not hide why it was taken",
      "    except (StepFailed, Unavailable) as failure:",
      "    except StepFailed as failure:",
      "test_promote.py::test_a_way_back_that_fails_does_not_hide_why_it_was_taken[away]",
    ],
  ],
};
