"""Every test of this folder runs over both worlds, by a fixture with the backends, or says here why it does not."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent
ONE_WORLD = {
    "test_admission_guide": "what a document says, in any world",
    "test_protocol_guide": "what a document says, in any world",
    "test_both_worlds": "this",
    "test_asking": "only a mock run is the same with and without it",
    "test_at_a_prompt": "how things show themselves, in any world",
    "test_wrong_calls": "what a call is refused for before it reaches a world",
    "test_whatever_a_core_of_a_users_answers_leaves_the_lab_unharmed": "the same cores and guards in any world",
    "test_what_a_router_has_from_another_class_is_guarded_too": "the same cores and guards in any world",
    "test_a_method_that_is_set_on_an_object_is_guarded_as_an_override_is": "the same guards in any world",
    "test_a_dht_core_with_a_method_set_on_it_is_guarded_too": "the same guards in any world",
    "test_an_attribute_with_the_name_of_a_method_is_refused_when_the_class_is_made": "a class, in any world",
    "test_each_check_of_an_answer_is_of_a_method_there_is": "classes, in any world",
    "test_a_node_that_goes_dials_no_more": "the core of both worlds' bootstrap, by itself",
    "test_it_is_given_up_after_pauses_that_double_up_to_a_bound": "the core of both worlds' bootstrap, by itself",
    "test_a_mock_run_with_it_is_replayed_exactly": "only mock runs can be replayed",
    "test_a_mock_run_with_them_can_be_replayed": "only mock runs can be replayed",
    "test_pins_at_others_replay": "only mock runs can be replayed",
    "test_roles_replay_and_are_written_as_a_script": "only mock runs can be replayed",
    "test_searches_replay_and_survive_a_snapshot_in_a_mock_lab": "only mock runs can be replayed",
    "test_it_is_kept_in_the_labs_home": "only real labs have a home",
    "test_the_book_is_in_the_labs_home_with_its_times_and_signatures": "only real labs have a home",
    "test_the_graph_is_coloured_by_role": "the picture, in any world",
    "test_a_sync_takes_its_time_over_a_line_and_may_be_given_up": "only mock nodes have a bandwidth",
    "test_what_a_validator_raised_is_the_reason_of_the_lookup_too": "a real node cannot look into another's validator",
    "test_a_mock_lab_measures_the_bandwidth_it_was_given": "only mock nodes have a bandwidth",
    "test_nobody_at_an_address_is_refused_and_harms_nothing": "a real address, at which nobody listens",
    "test_sleep_outside_a_lab_says_what_to_do": "outside every lab",
    "test_a_real_lab_without_py_libp2p_names_the_extra": "only real labs need an extra",
    "test_a_line_is_written_over_and_taken_away": "a line on the terminal, in any world",
    "test_what_the_loopback_cannot_do_is_refused_with_the_way_round": "the loopback",
    "test_a_connection_that_a_partition_cuts_is_listed_and_given_to_nobody_any_more": "the loopback",
    "test_limits_of_a_protocol_name_it_by_its_id": "what a setting takes, in any world",
    "test_every_file_and_folder_it_names_is_there": "what the README says, in any world",
    "test_every_guide_is_named": "what the README says, in any world",
    "test_it_or_the_page_for_developers_tells_of_every_target_of_make": "what the README says, in any world",
    "test_pytest_runs_the_same_tests_with_make_and_without": "what the README says, in any world",
}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def over_both(path: Path) -> dict[str, bool]:
    """The tests in a file, and whether a fixture that they take, or one behind it, has the backends."""
    found = [*functions(HERE / "conftest.py"), *functions(path)]
    takes = {one.name: {argument.arg for argument in one.args.args} for one in found}
    backends = {one.name for one in found if any("BACKENDS" in ast.unparse(mark) for mark in one.decorator_list)}
    backends |= {"backend_and_loop"} & takes.keys()
    while more := {name for name, given in takes.items() if name not in backends and given & backends}:
        backends |= more
    return {name: name in backends for name in takes if name.startswith("test_")}


def test_every_test_runs_over_both_worlds_or_says_why_not() -> None:
    alone = {
        name
        for path in HERE.glob("test_*.py")
        if path.stem not in ONE_WORLD
        for name, both in over_both(path).items()
        if not both
    }
    known = {name for name in ONE_WORLD if not (HERE / f"{name}.py").exists()}
    assert alone == known
