import type { Protections } from "./protection";

/** What goes on to canary and production, and what is written of it. */
export const promotion: Protections = {
  "steps/promote.py": [
    [
      "no user of the version that leaves canary meets the next one before it serves",
      "        gateway.try_put_right(target)  # first: MLflow may be away for a while\n",
      "",
      "test_promote.py::test_no_user_of_the_version_that_leaves_canary_meets_the_next_one_before_it_serves",
    ],
    [
      "a target that went back tells the time to restore",
      "        restore_time.tell(began, [target])\n        raise\n",
      "        raise\n",
      "test_promote.py::test_target_goes_back[6]",
    ],
    [
      "a promotion that ends a failure tells the time to restore",
      '    outputs.outcome("promoted", sentence)\n    restore_time.tell(began, [target])\n',
      '    outputs.outcome("promoted", sentence)\n',
      "test_restore_time.py::test_a_promotion_that_serves_tells_it_of_the_one_before",
    ],
    [
      "a promotion that people approve has their approval",
      "    request = require_approval(subject)",
      "    request = None",
      "test_ask_approval.py::test_one_person_is_not_two",
    ],
    [
      "a void approval promotes nothing",
      "    if void:",
      "    if False:",
      "test_ask_approval.py::test_promotes_nothing_that_people_did_not_approve",
    ],
    [
      "what serves is promoted, though a rule forbids it by now",
      "    if served:",
      "    if False:",
      "test_promote.py::test_what_serves_is_promoted_although_a_rule_forbids_it_before_the_record_says_so",
    ],
    [
      "what was held before this promotion is no end of it",
      "held.at < release.started or ",
      "",
      "test_promote.py::test_a_rule_forbids_what_does_not_serve_yet[held before]",
    ],
    [
      "what the target is not told to run does not serve",
      " if argocd.released_digest(application) == held.served.digest else None",
      "",
      "test_promote.py::test_a_rule_forbids_what_does_not_serve_yet[told another]",
    ],
    [
      "another version that the target holds is no end of a promotion",
      " or held.served.app_version != app_version:",
      ":",
      "test_promote.py::test_a_rule_forbids_what_does_not_serve_yet[holds another]",
    ],
    [
      "a version has one lead time in an environment",
      " if is_first and model.created_at ",
      " if model.created_at ",
      "test_promote.py::test_a_version_that_was_there_before_has_no_second_lead_time",
    ],
    [
      "what is withdrawn while it is promoted goes back",
      "        withdrawn = gateway.withdrawal(source, app_version)",
      '        withdrawn = ""',
      "test_promote.py::test_what_is_withdrawn_while_it_is_promoted_goes_back",
    ],
    [
      "the target goes back when it does not come to serve",
      `        raise StepFailed(f"{failure} {restoration.try_restore(target, release)}") from failure`,
      "        raise",
      "test_promote.py::test_target_goes_back[6]",
    ],
    [
      "an API server that is unreachable takes nothing back",
      `    except StepFailed as failure:
        raise StepFailed(`,
      `    except Exception as failure:
        raise StepFailed(`,
      "test_promote.py::test_an_api_server_that_is_unreachable_is_waited_for_and_nothing_is_reverted",
    ],
    [
      "the alias moves when the target serves",
      `    crane.run("tag"`,
      `    model_registry.move_alias(target, version)
    crane.run("tag"`,
      "test_promote.py::test_target_goes_back[6]",
    ],
    [
      "the alias moves last",
      `        model_registry.tag(version, **{f"{target}__promoted_at": model_registry.now()})
        model_registry.move_alias(target, version)`,
      `        model_registry.move_alias(target, version)
        model_registry.tag(version, **{f"{target}__promoted_at": model_registry.now()})`,
      "test_promote.py::test_promotes[staging-canary]",
    ],
    [
      "the target holds what it serves",
      "    last_release.hold(target, Served(app_version, digest))\n",
      "",
      "test_promote.py::test_promotes[staging-canary]",
    ],
    [
      "a version that is deleted while it is promoted serves all the same",
      "    except model_registry.Missing:",
      "    except ZeroDivisionError:",
      "test_promote.py::test_a_version_that_is_deleted_while_it_is_promoted_serves_all_the_same",
    ],
    [
      "a promotion is on record before it changes anything",
      `    release = release_log.begin("promote", target, version, compared)`,
      `    rollout.override(target, rollout.image_override(model_registry.get(version).digest))
    release = release_log.begin("promote", target, version, compared)`,
      "test_release_log.py::test_what_cannot_be_recorded_is_not_done[promote]",
    ],
    [
      "the record of a promotion that failed is closed",
      "outputs.outcome(release.fail(failure), failure)",
      'outputs.outcome("refused", failure)',
      "test_promote.py::test_only_what_passed[failed]",
    ],
    [
      "the record of a promotion is closed with what serves",
      `    release.end("promoted", sentence, Served(app_version, digest))`,
      "    pass",
      "test_promote.py::test_promotes[canary-production]",
    ],
    [
      "a registry that is unreachable leaves the record open",
      `    except StepFailed as failure:
        outputs.outcome(`,
      `    except Exception as failure:
        outputs.outcome(`,
      "test_promote.py::test_a_registry_that_is_unreachable_is_waited_for_by_running_again",
    ],
  ],
  "lib/promotion_rules.py": [
    [
      "the calendar counts",
      "    check_calendar(target, version, source, emergency)\n",
      "",
      "test_ask_approval.py::test_the_calendar_forbids_it_and_names_the_way_round",
    ],
    [
      "an emergency needs people who approve it",
      "    if emergency and not needs_approval:",
      "    if False:",
      "test_ask_approval.py::test_without_approvals_the_calendar_has_no_way_round",
    ],
    [
      "what was collected is not promoted",
      "    if model.collected:",
      "    if False:",
      "test_promote.py::test_not_what_was_collected",
    ],
    [
      "what was withdrawn is said to be",
      "    if model.is_withdrawn:",
      "    if False:",
      "test_promote.py::test_what_was_withdrawn_is_said_to_be[tags0-OOMKilled: it needs more]",
    ],
    [
      "only what passed is promoted",
      "    if not verified:",
      "    if False:",
      "test_promote.py::test_only_what_passed[untested]",
    ],
    [
      "a build alone is no pass",
      "    verified = model.verified_digest",
      "    verified = model.digest",
      "test_promote.py::test_only_what_passed[inconclusive]",
    ],
    [
      "nothing is promoted while promotions are frozen",
      "    if frozen:",
      "    if False:",
      "test_promote.py::test_not_while_frozen",
    ],
    [
      "what was withdrawn from its users is not promoted",
      "    withdrawn = gateway.withdrawal(source, constants.app_version(version))",
      '    withdrawn = ""',
      "test_promote.py::test_what_was_withdrawn_from_its_users_is_not_promoted",
    ],
    [
      "only what the source runs is promoted",
      "    if running != [verified]:",
      "    if False:",
      "test_promote.py::test_only_what_the_source_runs[running0]",
    ],
    [
      "the source runs nothing else beside it",
      "    if running != [verified]:",
      "    if verified not in running:",
      "test_promote.py::test_only_what_the_source_runs[running3]",
    ],
    [
      "only what the source has run in health is promoted",
      "    if trouble:",
      "    if False:",
      "test_promote.py::test_only_what_the_source_has_run_in_health[one ready, another killed and ready again]",
    ],
    [
      "the health of a source counts from its own promotion",
      "unhealthy_reason(source, verified, released_at(source, model))",
      `unhealthy_reason(source, verified, "")`,
      "test_promote.py::test_what_was_promoted_there_again_begins_anew",
    ],
    [
      "a version soaks in canary",
      "    if left > 0:",
      "    if False:",
      "test_promote.py::test_soaks_in_canary[None-False]",
    ],
    [
      "what no pod was ready for is no soak",
      "instant.seconds(max(released, ready))",
      "instant.seconds(released)",
      "test_promote.py::test_the_soak_does_not_begin_before_a_pod_is_ready",
    ],
    [
      "a version that was never promoted to canary has not soaked",
      "    return soak if since is None else max(0.0, since + soak - now)",
      "    return 0.0 if since is None else max(0.0, since + soak - now)",
      "test_promote.py::test_soaks_in_canary[None-False]",
    ],
    [
      "a time that cannot be read is no soak",
      '    return "" if instant.seconds(text) is None else text',
      '    return "2026-01-01T00:00:00Z" if instant.seconds(text) is None else text',
      "test_promote.py::test_a_time_that_cannot_be_read_is_no_soak[yesterday]",
    ],
  ],
  "lib/approval.py": [
    [
      "one rejection ends a request",
      "    if rejected:",
      "    if False:",
      "test_ask_approval.py::test_who_rejects_ends_it",
    ],
    [
      "as many people approve as the stack asks for",
      `    if len(approving) >= spec["minimum"]:`,
      "    if len(approving) >= 1:",
      "test_ask_approval.py::test_one_person_is_not_two",
    ],
    [
      "an approval is for one digest",
      `    if spec["digest"] != subject.digest:`,
      "    if False:",
      "test_ask_approval.py::test_an_approval_is_for_exactly_what_was_shown",
    ],
    [
      "an approval is for the figures that were shown",
      "    if changed:",
      "    if False:",
      "test_ask_approval.py::test_an_approval_is_for_exactly_what_was_shown",
    ],
    [
      "what people decided is no void request",
      "    if request is not None and request.get(",
      "    if request is not None or request.get(",
      "test_restore.py::test_a_request_that_people_have_decided_stays_as_it_is",
    ],
    [
      "a request expires",
      "    if now >= expires_at(approval):",
      "    if False:",
      "test_ask_approval.py::test_a_request_expires",
    ],
  ],
  "lib/windows.py": [
    [
      "a window that denies wins",
      "    if denying:",
      "    if False:",
      "test_windows.py::test_it_says_that_it_does_not_open",
    ],
    [
      "outside of a window that allows nothing is promoted",
      "    if not allowing or any(",
      "    if True or any(",
      "test_windows.py::test_it_is_closed_and_says_when_it_opens",
    ],
    [
      "a window that nobody understands lets nothing through",
      "        _require_readable(window)\n",
      "        pass\n",
      "test_windows.py::test_a_window_that_nobody_understands_lets_nothing_through",
    ],
    [
      "a window that began before clocks were put back still counts",
      ".fold == 1",
      ".fold == 2",
      "test_windows.py::test_it_is_closed_and_says_when_it_opens",
    ],
    [
      "a window that begins later does not count yet",
      " if begun <= at)",
      ")",
      "test_windows.py::test_the_calendar_is_open",
    ],
    [
      "the next opening lies ahead when clocks are put back",
      " if begins > start)",
      ")",
      "test_windows.py::test_it_is_closed_and_says_when_it_opens",
    ],
  ],
  "steps/ask_approval.py": [
    [
      "a watch that ends before the request expires is no decision",
      "        decision = look(request, version)\n        if decision.phase != approval.WAITING:\n",
      "        decision = look(request, version)\n        if True:\n",
      "test_ask_approval.py::test_a_watch_that_ends_before_the_request_expires_is_no_decision",
    ],
    [
      "a request that was deleted is no approval",
      `    if request is None:
        raise PromotionRejected(f"The request`,
      `    if False:
        raise PromotionRejected(f"The request`,
      "test_ask_approval.py::test_a_request_that_is_deleted_is_no_approval",
    ],
    [
      "what people decided is what counts",
      "    if decision.phase != approval.APPROVED:",
      "    if False:",
      "test_ask_approval.py::test_who_rejects_ends_it",
    ],
    [
      "people are asked once",
      "        if approval.read(name) is None:",
      "        if True:",
      "test_ask_approval.py::test_a_step_that_runs_again_asks_and_records_once",
    ],
  ],
  "lib/freeze.py": [
    [
      "a freeze that cannot be looked up lets nothing through",
      `        raise FreezeGone(f"{gone}. Run npm start -- --refresh.") from None`,
      "        return {}",
      "test_promote.py::test_a_freeze_that_cannot_be_looked_up_lets_nothing_through",
    ],
  ],
  "lib/model_registry.py": [
    [
      "an alias that cannot follow names no other version",
      "        drop_alias(name)\n        print",
      "        print",
      "test_abort_canary.py::test_canary_goes_back_to_a_version_that_mlflow_lost",
    ],
    [
      "a digest that a person wrote is none",
      `    return text if text and re.fullmatch(r"sha256:[0-9a-f]{64}", text, re.ASCII) else None`,
      "    return text",
      "test_revert.py::test_a_digest_that_a_person_wrote_is_none[latest]",
    ],
    [
      "the version that passed last comes first",
      "key=lambda version: version.verdict_order",
      "key=lambda version: int(version.number)",
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "what a person changed since does not hide the version that passed last",
      "        while waiting and (not token or waiting[-1].verdict_at >= page[-1].changed_at):",
      "        while waiting:",
      "test_revert.py::test_what_a_person_changed_since_does_not_hide_the_last_that_passed",
    ],
    [
      "of the versions that passed no more are asked for than are needed",
      "        while waiting and (not token or waiting[-1].verdict_at >= page[-1].changed_at):",
      "        while waiting and not token:",
      "test_revert.py::test_of_many_that_passed_it_asks_for_the_last_alone",
    ],
    [
      "the versions that passed are asked for to the last",
      `            yield waiting.pop()
        if not token:
            return`,
      `            yield waiting.pop()
        return`,
      "test_revert.py::test_every_version_that_passed_is_come_to_where_images_are_lost",
    ],
    [
      "a version keeps its description",
      `"description": model.description`,
      `"description": ""`,
      "test_act_on_verdict.py::test_a_pass_makes_its_version_the_last_changed_one_and_keeps_its_description",
    ],
    [
      "what is no digest is no part of a filter",
      `    if not _digest(digest):
        return []
`,
      "",
      "test_revert.py::test_an_image_without_a_digest_is_that_of_no_version",
    ],
    [
      "only a pass verifies",
      ` if self.tags.get("staging.verdict") == "pass" else None`,
      "",
      "test_promote.py::test_only_what_passed[failed]",
    ],
    [
      "the previous version is recorded before the alias moves",
      `    if previous is not None:
        tag(version, **{f"{name}__previous_version": previous})
    call("POST", "registered-models/alias", {"name": constants.MODEL, "alias": name, "version": version})`,
      `    call("POST", "registered-models/alias", {"name": constants.MODEL, "alias": name, "version": version})
    if previous is not None:
        tag(version, **{f"{name}__previous_version": previous})`,
      "test_deploy.py::test_waits_for_the_new_pod_alone",
    ],
    [
      "the previous version is recorded",
      `        tag(version, **{f"{name}__previous_version": previous})`,
      "        pass",
      "test_deploy.py::test_waits_for_the_new_pod_alone",
    ],
    [
      "an alias that is there already keeps its previous version",
      `    if previous == version:
        return
`,
      "",
      "test_revert.py::test_on_a_schedule_changes_nothing_where_all_is_well",
    ],
    [
      "an MLflow that is unreachable is waited for by running again",
      '        raise Unavailable(f"MLflow at',
      '        raise StepFailed(f"MLflow at',
      "test_act_on_verdict.py::test_an_mlflow_that_is_unreachable_is_waited_for_by_running_again",
    ],
    [
      "an artifact that breaks off is fetched again",
      "    except http_client.Unreachable as error:\n        raise Unavailable(",
      "    except http_client.Unreachable as error:\n        raise StepFailed(",
      "test_build_image.py::test_an_artifact_that_breaks_off_is_fetched_again",
    ],
    [
      "an artifact that MLflow keeps elsewhere is what training registered",
      '            http_client.require_hash(hashlib.file_digest(content, "sha256").hexdigest(), sha256)',
      "            pass",
      "test_build_image.py::test_an_artifact_that_mlflow_keeps_elsewhere_is_what_training_registered",
    ],
    [
      "an artifact that MLflow keeps elsewhere has the length that is listed",
      "        if listed is not None and length != listed:",
      "        if False:",
      "test_build_image.py::test_an_artifact_that_mlflow_keeps_elsewhere_has_the_length_that_is_listed",
    ],
    [
      "an artifact that MLflow keeps elsewhere is no larger than the limit",
      "        if length > limit:",
      "        if False:",
      "test_build_image.py::test_an_artifact_that_mlflow_keeps_elsewhere_may_be_no_larger_than_the_limit",
    ],
    [
      "an artifact of which no hash is known is named in the output",
      "    if not sha256:",
      "    if False:",
      "test_build_image.py::test_an_artifact_of_which_training_registered_no_hash_is_taken_and_the_output_says_so",
    ],
    [
      "an MLflow that restarts is waited for",
      " if status in http_client.TRANSIENT_STATUSES else (status, text)",
      " if False else (status, text)",
      "test_build_image.py::test_mlflow_that_restarts_is_waited_for",
    ],
  ],
  "lib/release_log.py": [
    [
      "nobody asks whom the API server could not keep from approving",
      "    if not name:",
      "    if False:",
      "test_ask_approval.py::test_nobody_asks_whom_the_api_server_could_not_keep_from_approving",
    ],
    [
      "who asks is named as the API server knows them",
      'can be compared.")\n    return name',
      'can be compared.")\n    return outputs.clean(name, 200)',
      "test_ask_approval.py::test_who_asks_is_named_as_the_api_server_knows_them",
    ],
    [
      "two people stay two in the record",
      "    return text if text == name else",
      "    return text if True else",
      "test_ask_approval.py::test_two_people_stay_two_in_the_record",
    ],
    [
      "a clock that was ahead takes back no later release",
      "            ended = max(ended, newest.at + 1)",
      "            pass",
      "test_restore.py::test_a_release_after_a_clock_that_was_ahead_is_the_newest",
    ],
    [
      "a step that runs again continues with its record",
      `    if found:
        return found
`,
      "",
      "test_promote.py::test_a_registry_that_is_unreachable_is_waited_for_by_running_again",
    ],
    [
      "an experiment that was restored is an Event",
      `        events.warn(constants.STAGING, "RecordRestored", restored)
`,
      "",
      "test_restore.py::test_an_experiment_that_was_deleted_is_restored",
    ],
    [
      "an experiment that was deleted is restored",
      `    if found.get("lifecycle_stage") == "deleted":`,
      "    if False:",
      "test_restore.py::test_an_experiment_that_was_deleted_is_restored",
    ],
    [
      "what a person writes on a version is ignored",
      "    except (ValueError, TypeError, KeyError, RecursionError):",
      "    except ZeroDivisionError:",
      "test_promote.py::test_what_a_person_writes_on_a_version_is_ignored[gate.review-looked at it]",
    ],
    [
      "a way back needs no record",
      `    except StepFailed as failure:
        print(f"MLflow takes no record`,
      `    except ZeroDivisionError as failure:
        print(f"MLflow takes no record`,
      "test_revert.py::test_a_revert_needs_no_record",
    ],
    [
      "what is refused before its environment was told anything is not broken",
      `"refused" if isinstance(failure, Refused)`,
      `"refused" if False`,
      "test_promote.py::test_not_while_frozen",
    ],
    [
      "what fails after its environment was told is not refused",
      " and not self.has_changed_target else",
      " else",
      "test_deploy.py::test_a_version_that_is_deleted_once_staging_was_told_is_broken",
    ],
    [
      "a record says that its environment was told",
      `        self.tags[TARGET_CHANGED] = "yes"\n`,
      "",
      "test_deploy.py::test_a_version_that_is_deleted_once_staging_was_told_is_broken",
    ],
    [
      "a record says so although MLflow was away when it was told",
      `        if self.has_changed_target:
            tags`,
      `        if False:
            tags`,
      "test_deploy.py::test_an_mlflow_that_is_away_when_staging_is_told_stops_no_roll_out",
    ],
    [
      "a release that failed is not called finished",
      `status = "FINISHED" if outcome in SUCCESSES else "FAILED"`,
      `status = "FINISHED"`,
      "test_deploy.py::test_says_why_at_once",
    ],
    [
      "the record names the person whom the API server vouched for",
      "    if annotations.get(constants.SUBMITTED_BY):",
      "    if False:",
      "test_release_log.py::test_who_asked[anna]",
    ],
  ],
};
