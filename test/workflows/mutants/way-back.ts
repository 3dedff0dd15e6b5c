import type { Protections } from "./protection";

const restorations = "test_restore_time.py::test_is_that_of_the_figures";

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
      "test_exit_handler.py::test_says_what_staging_is_told_where_that_is_not_the_candidate[5-1.0.5]",
    ],
    [
      "the exit handler says what staging is told",
      `f"{reason}; staging is told to run {name_of(released)}"`,
      `f"{reason}; staging is told to run something else"`,
      "test_exit_handler.py::test_says_what_staging_is_told_where_that_is_not_the_candidate[None-the base image]",
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
    [
      "a version that was deleted while it was tested is reverted",
      "    if released is None or _version_of(released):",
      "    if True:",
      "test_exit_handler.py::test_reverts_from_a_version_that_was_deleted",
    ],
    [
      "what another version runs is left where its own was deleted",
      "    if released is None or _version_of(released):",
      "    if False:",
      "test_exit_handler.py::test_leaves_what_another_version_runs_where_its_own_was_deleted",
    ],
  ],
  "steps/revert.py": [
    [
      "the time to restore is told",
      "    restore_time.tell(began, [STAGING])\n",
      "",
      "test_restore_time.py::test_a_revert_tells_it_from_the_release_that_failed",
    ],
    [
      "the alias moves when staging is back",
      "        # Patching to what is there already",
      `        model_registry.point_alias(STAGING, target.number)
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
      "a version that is mistyped is refused",
      "    if not known and not child_workflows.is_under_lock():",
      "    if False:",
      "test_revert.py::test_a_version_that_is_mistyped_is_refused",
    ],
    [
      "a version that was deleted while it was tested is reverted from",
      "    if not known and not child_workflows.is_under_lock():",
      "    if not known:",
      "test_revert.py::test_a_version_that_was_deleted_while_it_was_tested_is_reverted",
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
      `        release.end("reverted", f"{why}; {outputs.BACK}{place}", target)`,
      `        try:
            release.end("reverted", f"{why}; {outputs.BACK}{place}", target)
        except Exception as failure:
            raise StepFailed(str(failure)) from failure`,
      "test_revert.py::test_a_revert_that_is_interrupted_continues_with_its_record[runs/log-batch]",
    ],
    [
      "a revert is on record before it changes anything",
      `        release = release_log.begin_way_back("revert", STAGING, target.number)`,
      `        rollout.override(STAGING, None)
        release = release_log.begin_way_back("revert", STAGING, target.number)`,
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
      `        release.end("reverted", f"{why}; {outputs.BACK}{place}", target)`,
      "        pass",
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "a revert that was interrupted closes its record",
      `        release = release_log.opened("revert", STAGING)`,
      "        release = None",
      "test_revert.py::test_a_revert_that_is_interrupted_continues_with_its_record[runs/log-batch]",
    ],
    [
      "the record of what was cut off is closed",
      `    release_log.close_interrupted(STAGING, f"staging serves {place}", serves)`,
      "    pass",
      "test_revert.py::test_closes_the_record_of_a_deployment_that_was_deleted",
    ],
    [
      "a version that was taken back says so",
      "    if failed and model_registry.exists(failed):",
      "    if False:",
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "the alias follows what staging serves",
      "    model_registry.point_alias(STAGING, serves.number)",
      "    pass",
      "test_revert.py::test_first_model_bad",
    ],
    [
      "what passed stays, though another version passed later",
      "    if failed is None and is_good(staging):",
      "    if False:",
      "test_revert.py::test_a_version_that_passed_stays_though_another_passed_later",
    ],
    [
      "an emptied MLflow leaves what passed",
      "    return passed or forgotten_that_runs(staging) is not None",
      "    return passed",
      "test_revert.py::test_an_emptied_mlflow_leaves_what_passed",
    ],
    [
      "what MLflow has is judged by its verdict there",
      " and not model_registry.exists(release.number)\n",
      "\n",
      "test_revert.py::test_what_failed_since_is_no_good_release_though_staging_holds_it",
    ],
    [
      "an emptied MLflow takes nothing to the base image",
      "    if failed is None and staging.running and staging.held is None and not has_good_release(staging, failed):",
      "    if False:",
      "test_revert.py::test_an_emptied_mlflow_takes_nothing_to_the_base_image",
    ],
    [
      "an emptied MLflow does not keep a candidate",
      "    if staging.held and is_left(staging.held):",
      "    if False:",
      "test_revert.py::test_an_emptied_mlflow_does_not_keep_a_candidate",
    ],
    [
      "what was withdrawn is left, though MLflow lost it",
      "    return is_gone(release) and not was_withdrawn(release)",
      "    return is_gone(release)",
      "test_revert.py::test_what_was_withdrawn_before_mlflow_lost_it_is_left",
    ],
    [
      "an image that cannot be built again is passed over",
      "        except StepFailed as failure:\n            lost.append",
      "        except ZeroDivisionError as failure:\n            lost.append",
      "test_revert.py::test_an_image_that_cannot_be_built_again_is_passed_over[model]",
    ],
    [
      "staging holds what it went back to",
      "    last_release.hold(STAGING, target)\n",
      "",
      "test_revert.py::test_an_emptied_mlflow_does_not_keep_a_candidate",
    ],
    [
      "never back to the version that failed",
      "version.verified_digest and not version.collected and version.number != failed:",
      "version.verified_digest and not version.collected:",
      "test_revert.py::test_a_version_that_passed_is_not_gone_back_to_when_it_is_the_failed_one",
    ],
    [
      "never back to a version that was collected",
      "if version.verified_digest and not version.collected and",
      "if version.verified_digest and",
      "test_revert.py::test_what_was_collected_is_never_gone_back_to",
    ],
    [
      "never back to a version that did not pass",
      "        if version.verified_digest and not version.collected and version.number != failed:",
      "        if not version.collected and version.number != failed:",
      "test_revert.py::test_a_digest_that_a_person_wrote_is_none[latest]",
    ],
    [
      "back to the image that was tested, not to a later build",
      "yield Served(constants.app_version(version.number), version.verified_digest)",
      "yield Served(constants.app_version(version.number), version.digest)",
      "test_revert.py::test_goes_back_to_the_image_that_passed_alone",
    ],
    [
      "the record shows a version that passed and that MLflow lost",
      "past_passes.good(read_records(), held_after_staging())",
      "[]",
      "test_revert.py::test_the_record_shows_a_version_that_passed_and_was_deleted",
    ],
    [
      "the environments after staging show it where the record is lost",
      "past_passes.good(read_records(), held_after_staging())",
      "past_passes.good(read_records(), [])",
      "test_revert.py::test_an_environment_after_staging_shows_it_where_the_record_is_lost",
    ],
    [
      "the version to leave is not gone back to, though it passed and MLflow lost it",
      "        if release.number != failed:\n",
      "        if True:\n",
      "test_revert.py::test_the_version_to_leave_is_not_gone_back_to_though_it_passed",
    ],
    [
      "a record that MLflow refuses stops no revert",
      '        print(f"MLflow shows no record of releases: {failure}", file=sys.stderr)\n        return []',
      "        raise",
      "test_revert.py::test_a_record_that_mlflow_refuses_stops_no_revert",
    ],
    [
      "an Application that is gone stops no revert",
      '            print(f"{environment} does not say what it serves: {failure}", file=sys.stderr)',
      "            raise",
      "test_revert.py::test_an_application_that_is_gone_stops_no_revert",
    ],
    [
      "it is said that a version was withdrawn",
      "    if model and model.is_withdrawn:",
      "    if False:",
      "test_revert.py::test_the_base_image_has_a_true_reason",
    ],
    [
      "what staging runs without having passed is the failed version",
      "    failed = failed or unverified_version(staging)",
      "    pass",
      "test_revert.py::test_by_hand_without_parameters",
    ],
  ],
  "lib/past_passes.py": [
    [
      "a deployment to staging shows no pass",
      'record.environment != STAGING or record.action == "revert"',
      "True",
      "test_past_passes.py::test_what_staging_may_go_back_to[records1-held1-good1]",
    ],
    [
      "what was withdrawn from canary is not good",
      "for record in known if _is_abort(record)]",
      "for record in known if False]",
      "test_past_passes.py::test_what_staging_may_go_back_to[records8-held8-good8]",
    ],
    [
      "what failed in staging since is not good",
      "            falls.append((before.serves.app_version, after.at))",
      "            pass",
      "test_past_passes.py::test_what_staging_may_go_back_to[records13-held13-good13]",
    ],
    [
      "what was promoted again since is good",
      "if release.at > fell.get(release.served.app_version, -1)]",
      "if release.served.app_version not in fell]",
      "test_past_passes.py::test_what_staging_may_go_back_to[records12-held12-good12]",
    ],
  ],
  "lib/restoration.py": [
    [
      "what is held anew was released when its record says",
      "hold(environment, good.served, good.at)",
      "hold(environment, good.served)",
      "test_restore.py::test_what_an_application_holds_anew_was_released_when_its_record_says",
    ],
    [
      "a version that is lost is told once, however many environments serve it",
      "in dict.fromkeys(served.number for served in lost.values()):",
      "in [served.number for served in lost.values()]:",
      "test_restore.py::test_a_lost_version_is_told_once_however_many_environments_serve_it[True]",
    ],
    [
      "an environment that was told nothing is not put back",
      "    if not failed.has_changed_target:",
      "    if False:",
      "test_promote.py::test_a_target_that_takes_no_release_was_not_changed",
    ],
    [
      "nothing is restored where all is right",
      "    if running != good.served.released_digest or has_no_record or wrong_alias or rebuilt:",
      "    if True:",
      "test_restore.py::test_changes_nothing_where_all_is_well",
    ],
    [
      "what differs from the last release is restored",
      "    if running != good.released_digest:",
      "    if False:",
      "test_restore.py::test_goes_back_to_the_last_release",
    ],
    [
      "what nothing is known of is left as it is",
      "    if good is None:\n        return Found(",
      "    if good is None:\n        rollout.override(environment, None)\n        return Found(",
      "test_restore.py::test_a_release_of_which_nothing_is_known_is_left",
    ],
    [
      "an alias that was moved by hand follows again",
      "        model_registry.point_alias(environment, good.number)",
      "        pass",
      "test_restore.py::test_an_alias_that_was_moved_or_deleted_follows_again[7]",
    ],
    [
      "a version that MLflow lost stops nothing",
      " or (version is None and _is_lost(good))",
      "",
      "test_restore.py::test_what_mlflow_lost_goes_on_serving[the version]",
    ],
    [
      "an alias of what does not serve is taken off where MLflow lost what does",
      "(version is None and _is_lost(good))",
      "_is_lost(good)",
      "test_restore.py::test_an_alias_of_what_does_not_serve_is_taken_off_where_mlflow_lost_what_does",
    ],
    [
      "a record that was lost is made anew",
      " and good.served.number is not None\n",
      " and False\n",
      "test_restore.py::test_what_mlflow_lost_goes_on_serving[all of MLflow]",
    ],
    [
      "a restoration is on record before it changes anything",
      `        release = release_log.begin_way_back("restore", environment, good.served.number)`,
      `        rollout.override(environment, None)
        release = release_log.begin_way_back("restore", environment, good.served.number)`,
      "test_release_log.py::test_what_cannot_be_recorded_is_not_done[restore]",
    ],
    [
      "the record of a restoration is closed",
      `        release.end("restored", sentence, good.served)`,
      "        pass",
      "test_restore.py::test_goes_back_to_the_last_release",
    ],
    [
      "the record of a restoration that failed is closed",
      `            release.end("broken", failure)`,
      "            pass",
      "test_restore.py::test_one_environment_does_not_wait_for_another",
    ],
    [
      "the record of what was cut off is closed",
      "    release_log.close_interrupted(environment, ",
      "    print(environment, ",
      "test_restore.py::test_goes_back_to_the_last_release",
    ],
    [
      "an Application that was made before holds what its record says",
      "    if kept is None or kept.served != good.served:",
      "    if False:",
      "test_restore.py::test_an_application_made_before_holds_what_its_record_says",
    ],
    [
      "the way back does not need MLflow",
      "    except (StepFailed, Unavailable):",
      "    except ZeroDivisionError:",
      "test_promote.py::test_the_way_back_does_not_need_mlflow",
    ],
    [
      "a failed release of which nothing is known before is not taken to the base image",
      `            return f"{environment} is left as it is: nothing is known of a release before this one."`,
      `            rollout.override(environment, None)
            return f"{environment} is left as it is: nothing is known of a release before this one."`,
      "test_promote.py::test_what_nothing_is_known_of_is_not_taken_to_the_base_image",
    ],
    [
      "an image that cannot be built again stops nothing",
      "    except StepFailed as failure:\n        print(failure, flush=True)",
      "    except ZeroDivisionError as failure:\n        print(failure, flush=True)",
      "test_restore.py::test_an_image_that_cannot_be_built_again_goes_on_serving",
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
  "lib/last_release.py": [
    [
      "the newer memory decides",
      "key=lambda release: release.at",
      "key=lambda release: -release.at",
      "test_restore.py::test_the_newer_one_decides",
    ],
    [
      "what a person wrote into an Application decides nothing",
      "    except (ValueError, TypeError, KeyError, RecursionError):",
      "    except KeyError:",
      "test_restore.py::test_what_an_application_holds_may_be_unreadable[seven]",
    ],
    [
      "a first release that fails goes back to the base image",
      "        hold(environment, Served(BASE, rollout.base_digest()))",
      "        pass",
      "test_promote.py::test_the_first_release_holds_the_base_image_to_go_back_to",
    ],
  ],
  "lib/restore_time.py": [
    [
      "what changed nothing neither ends nor begins a failure",
      "if _is_harmless(record) or record.started < counted_until:",
      "if record.started < counted_until:",
      `${restorations}[one that ended before the environment was told anything ends no failure]`,
    ],
    [
      "an interrupted release counts once",
      "if _is_harmless(record) or record.started < counted_until:",
      "if _is_harmless(record):",
      `${restorations}[an interrupted release, once]`,
    ],
    [
      "it begins with the first of the failures",
      " and failing_since is None:",
      ":",
      `${restorations}[failures until somebody puts it back]`,
    ],
    [
      "an alias that was put right restores nothing",
      'record.outcome in ("restored", "broken") and says_so',
      'record.outcome in ("restored", "broken")',
      `${restorations}[a way back from its own start, and an alias alone]`,
    ],
    [
      "a step tells only what it restored",
      "for one in ended if one.ended >= began]",
      "for one in ended]",
      "test_restore_time.py::test_what_ended_before_a_step_began_is_not_told_again",
    ],
    [
      "no figure is worth a release",
      "except (StepFailed, Unavailable) as failure:",
      "except StepFailed as failure:",
      "test_restore_time.py::test_mlflow_that_is_away_costs_the_figure_alone",
    ],
  ],
  "steps/restore.py": [
    [
      "the request of a promotion that was stopped is void",
      "        void_request()\n",
      "        pass\n",
      "test_restore.py::test_the_request_of_a_promotion_that_was_stopped_is_void",
    ],
    [
      "a request that cannot be closed stops no way back",
      "        void_request()\n    except StepFailed as failure:\n",
      "        void_request()\n    except InterruptedError as failure:\n",
      "test_restore.py::test_a_request_that_cannot_be_closed_stops_no_way_back",
    ],
    [
      "the time to restore is told",
      "    restore_time.tell(began, inputs.targets())\n",
      "",
      "test_restore.py::test_goes_back_to_the_last_release",
    ],
    [
      "environments after staging get another sync",
      "(put_right, rollout.retry_failed_sync)",
      "(put_right,)",
      "test_restore.py::test_a_sync_that_argo_cd_gave_up_is_tried_again_and_no_other",
    ],
    [
      "one environment does not wait for another",
      "            except StepFailed as failure:",
      "            except ZeroDivisionError as failure:",
      "test_restore.py::test_one_environment_does_not_wait_for_another",
    ],
    [
      "an environment that is not right is told of",
      `        raise StepFailed(" ".join(dict.fromkeys(failed)))`,
      "        pass",
      "test_restore.py::test_one_environment_does_not_wait_for_another",
    ],
  ],
};
