import type { Protections } from "./protection";

/** Whoever wants to be told is told: everything, once if that is possible, and nobody in the place of another. */
export const notifications: Protections = {
  "lib/outbox.py": [
    [
      "a message that was not taken stays",
      "    return outbox._replace(failing=outbox.failing or now)",
      "    return outbox._replace(waiting=outbox.waiting[1:], failing=outbox.failing or now)",
      "test_outbox.py::test_a_message_that_was_not_taken_stays[500]",
    ],
    [
      "the cursor does not pass what is seen late",
      "    since = max(earliest, now - _DELAY)",
      "    since = now",
      "test_outbox.py::test_what_is_seen_late_is_told",
    ],
    [
      "a message is taken in once",
      " and message.id not in outbox.seen",
      "",
      "test_outbox.py::test_what_was_taken_in_is_not_taken_in_again_whatever_became_of_it",
    ],
    [
      "a new receiver gets nothing old",
      " and time >= earliest and",
      " and",
      "test_outbox.py::test_a_new_receiver_gets_nothing_old",
    ],
    [
      "what is never taken blocks no later message",
      "400 <= status < 500 and",
      "False and",
      "test_outbox.py::test_a_message_that_is_never_taken_blocks_no_later_one[404]",
    ],
    [
      "a receiver that is busy gets the message later",
      " and status not in _LATER",
      "",
      "test_outbox.py::test_a_message_that_was_not_taken_stays[429]",
    ],
  ],
  "lib/notifications.py": [
    [
      "only the pipeline's own Events are told",
      " or created_by != constants.FIELD_MANAGER",
      "",
      "test_notifications.py::test_events_of_the_pipeline_are_told",
    ],
    [
      "the signature covers the time",
      `f"{now}.".encode() + content`,
      "content",
      "test_notifications.py::test_the_signature_is_what_a_receiver_computes",
    ],
  ],
  "lib/http_client.py": [
    [
      "a message goes to no other address",
      "urllib.request.build_opener(_NoRedirects)",
      "urllib.request.build_opener()",
      "test_notify.py::test_a_redirect_is_not_followed",
    ],
    [
      "a receiver that drips takes its time and no more",
      "    signal.alarm(seconds)\n",
      "",
      "test_notify.py::test_a_receiver_that_hangs_or_drips_takes_its_time_and_no_more[H]",
    ],
  ],
  "steps/notify.py": [
    [
      "an Event that the API server could not take is written later",
      '            print(f"Events wait: {failure}", file=sys.stderr)\n            break',
      '            print(f"Events wait: {failure}", file=sys.stderr)',
      "test_notify.py::test_an_event_that_cannot_be_written_fails_nothing[unreachable]",
    ],
    [
      "an Event that is there already is not refused",
      "    except kubectl.AlreadyExists:",
      "    except ZeroDivisionError:",
      "test_notify.py::test_an_event_that_cannot_be_written_fails_nothing[there-already]",
    ],
    [
      "the outbox of the Events is not that of a receiver that went",
      " - {EVENTS}",
      "",
      "test_notify.py::test_an_outcome_becomes_an_event_of_the_same_sentence",
    ],
    [
      "a message that was delivered leaves its outbox",
      "        boxes.write(name, box)\n        if outbox.is_delivered(status):",
      "        if outbox.is_delivered(status):",
      "test_notify.py::test_what_happened_is_told_in_order_and_once",
    ],
    [
      "one try a run",
      "        if said or time.monotonic() >= end:",
      "        if time.monotonic() >= end:",
      "test_notify.py::test_a_receiver_that_fails_gets_everything_later_in_order",
    ],
    [
      "a change of somebody else is not overwritten",
      `{"resourceVersion": self._version}`,
      "{}",
      "test_notify.py::test_what_happened_is_told_in_order_and_once",
    ],
    [
      "people are told once of a problem that lasts",
      "problem in box.told or ",
      "",
      "test_notify.py::test_a_day_of_failing_is_told_once",
    ],
    [
      "a Secret that is missing stops no other receiver",
      "    except BadSecret as problem:",
      "    except ZeroDivisionError as problem:",
      "test_notify.py::test_a_secret_that_is_missing_or_wrong_is_told_once_and_stops_no_other_receiver" +
        "[None-no url]",
    ],
  ],
};
