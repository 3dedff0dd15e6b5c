import type { Protections } from "./protection";

/** What takes an environment back, and what it must not take back. */
export const wayBack: Protections = {
  "scripts/backstop.py": [
    [
      "the backstop changes nothing without the lock",
      "        children.require_lock(workflow)\n",
      "",
      "test_revert.py::test_backstop_leaves_staging_to_whoever_holds_the_lock",
    ],
    [
      "an MLflow that is away is no outcome",
      "    except StepFailed as failure:",
      "    except Exception as failure:",
      "test_protections.py::test_a_backstop_that_cannot_ask_mlflow_runs_again",
    ],
    [
      "the backstop leaves what passed alone",
      "    if model.verified_digest and (",
      "    if False and (",
      "test_revert.py::test_backstop_leaves_what_passed_alone[8]",
    ],
    [
      "a build that was not tested did not pass",
      "    if model.verified_digest and (released == model.verified_digest or released != model.digest):",
      "    if model.verified_digest:",
      "test_protections.py::test_a_pass_is_none_for_a_later_build",
    ],
    [
      "the backstop leaves another version alone",
      "    if released is None or model.digest != released:",
      "    if False:",
      "test_revert.py::test_backstop_records_what_never_came_to_staging",
    ],
    [
      "the backstop's revert is not the one that broke",
      `, purpose="backstop")`,
      ")",
      "test_protections.py::test_the_backstop_starts_a_revert_of_its_own",
    ],
    [
      "the backstop keeps the verdict of its own run",
      "    if not judged:",
      "    if True:",
      "test_revert.py::test_backstop_keeps_the_verdict_of_its_own_run[fail]",
    ],
    [
      "the backstop replaces the verdict of an earlier run",
      "    if not judged:",
      "    if False:",
      "test_revert.py::test_backstop_replaces_the_verdict_of_an_earlier_run",
    ],
  ],
  "scripts/revert.py": [
    [
      "the alias moves when staging is back",
      "        # Patching to what is there already",
      `        models.move_alias(STAGING, number)
        # Patching to what is there already`,
      "test_protections.py::test_a_revert_that_fails_leaves_the_alias_and_says_so",
    ],
    [
      "nothing is reverted without the lock",
      "    children.require_lock()\n",
      "",
      "test_revert.py::test_without_the_lock_nothing_is_reverted",
    ],
    [
      "an MLflow that is away is no outcome",
      `    except StepFailed as failure:
        outputs`,
      `    except Exception as failure:
        outputs`,
      "test_protections.py::test_a_revert_that_is_interrupted_goes_on_with_its_record[registered-models/alias]",
    ],
    [
      "an MLflow that is away leaves the record open",
      `    except StepFailed as failure:
        if release:`,
      `    except Exception as failure:
        if release:`,
      "test_protections.py::test_a_revert_that_is_interrupted_goes_on_with_its_record[registered-models/alias]",
    ],
    [
      "a revert is on record before it changes anything",
      `    release = releases.begin("revert", STAGING, number)`,
      `    rollout.override(STAGING, None)
    release = releases.begin("revert", STAGING, number)`,
      "test_protections.py::test_what_cannot_be_recorded_is_not_done[revert.py]",
    ],
    [
      "the record of a revert that failed is closed",
      `            release.end("broken", f"{why}; {failure}")`,
      "            pass",
      "test_protections.py::test_a_revert_that_fails_leaves_the_alias_and_says_so",
    ],
    [
      "the record of a revert is closed with what serves",
      `        release.end("reverted", f"{why}; staging is back on {place}", serves)`,
      "        pass",
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "a revert that was interrupted closes its record",
      ` if changes else releases.opened("revert", STAGING)`,
      " if changes else None",
      "test_protections.py::test_a_revert_that_is_interrupted_goes_on_with_its_record[runs/log-batch]",
    ],
    [
      "a revert that changes nothing leaves no record",
      `releases.begin("revert", STAGING, number) if changes else`,
      `releases.begin("revert", STAGING, number) if True else`,
      "test_revert.py::test_on_a_schedule_changes_nothing_where_all_is_well",
    ],
    [
      "the record of what was cut off is closed",
      `    releases.close_interrupted(STAGING, f"staging serves {place}", serves)`,
      "    pass",
      "test_revert.py::test_closes_the_record_of_a_deployment_that_was_deleted",
    ],
    [
      "a version that was taken back says so",
      `    if failed:
        models.tag(`,
      `    if False:
        models.tag(`,
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "the alias goes where no version passed",
      "            models.drop_alias(STAGING)",
      "            pass",
      "test_revert.py::test_first_model_bad",
    ],
    [
      "never back to the version that failed",
      " and one.number != failed]",
      "]",
      "test_revert.py::test_a_version_that_passed_is_not_gone_back_to_when_it_is_the_failed_one",
    ],
    [
      "never back to a version that did not pass",
      "    passed = [one for one in versions if one.verified_digest and one.number",
      "    passed = [one for one in versions if one.number",
      "test_protections.py::test_goes_back_to_the_image_that_passed_alone",
    ],
    [
      "back to the image that was tested, not to a later build",
      "(target.verified_digest, names",
      "(target.digest, names",
      "test_protections.py::test_goes_back_to_the_image_that_passed_alone",
    ],
    [
      "back to the version that passed last",
      `(one.tags.get("staging.verdict_at", ""), int(one.number))`,
      "int(one.number)",
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "what staging runs without having passed is the failed version",
      "    failed = failed or unverified(versions, running)",
      "    pass",
      "test_revert.py::test_by_hand_without_parameters",
    ],
    [
      "what passed is not taken for failed",
      " and one.verified_digest != running)",
      ")",
      "test_revert.py::test_on_a_schedule_changes_nothing_where_all_is_well",
    ],
  ],
  "scripts/restore.py": [
    [
      "nothing is restored where alias and release agree",
      `    if running != digest:
        release =`,
      `    if True:
        release =`,
      "test_restore.py::test_changes_nothing_where_all_is_well",
    ],
    [
      "what differs from its alias is restored",
      "    running = rollout.released_digest(environment)",
      "    running = digest",
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
      `        release = releases.begin("restore", environment, models.alias(environment))`,
      `        rollout.override(environment, None)
        release = releases.begin("restore", environment, models.alias(environment))`,
      "test_protections.py::test_what_cannot_be_recorded_is_not_done[restore.py]",
    ],
    [
      "the record of a restoration is closed",
      `        release.end("restored", sentence, serves)`,
      "        pass",
      "test_restore.py::test_goes_back_to_the_alias",
    ],
    [
      "the record of what was cut off is closed",
      `    releases.close_interrupted(environment, f"{environment} serves {served or 'the base image'}", serves)`,
      "    pass",
      "test_restore.py::test_goes_back_to_the_alias",
    ],
    [
      "a way back that fails too does not hide why it was taken",
      "    except (StepFailed, Unavailable) as failure:",
      "    except Unavailable as failure:",
      "test_protections.py::test_a_way_back_that_fails_does_not_hide_why_it_was_taken[failing]",
    ],
    [
      "a way back that finds MLflow away does not hide why it was taken",
      "    except (StepFailed, Unavailable) as failure:",
      "    except StepFailed as failure:",
      "test_protections.py::test_a_way_back_that_fails_does_not_hide_why_it_was_taken[away]",
    ],
  ],
};
