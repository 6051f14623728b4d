"""Sampling: the field's knobs, checked once, and what wins over what."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chatbot.errors import BadParameter
from chatbot.sampling import PRESETS, Sampling


def test_nothing_is_asked_for_by_default() -> None:
    assert Sampling().given() == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": 2.1},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0},
        {"top_p": 1.01},
        {"min_p": -0.1},
        {"presence_penalty": 3},
        {"repetition_penalty": 0},
        {"max_tokens": 0},
        {"n": 0},
        {"logprobs": 21},
        {"seed": 2**63},
        {"stop": ("",)},
        {"stop": tuple("abcdefghijklmnopq")},
        {"beam_width": 1},
        {"length_penalty": 1.5},
        {"beam_width": 4, "n": 2},
        {"beam_width": 4, "seed": 1},
        {"beam_width": 4, "frequency_penalty": 1},
        {"min_tokens": 3, "max_tokens": 2},
        {"nucleus": 0.9},
    ],
)
def test_what_no_server_would_take_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sampling(**wrong)


def test_what_a_call_says_wins_and_the_rest_stays() -> None:
    both = Sampling(temperature=1.5, seed=7).over(Sampling(temperature=0.2, max_tokens=50))

    assert both == Sampling(temperature=1.5, seed=7, max_tokens=50)


def test_beam_search_takes_over_lengths_and_no_knob_of_sampling() -> None:
    both = Sampling(beam_width=4).over(Sampling(temperature=0, top_p=0.9, max_tokens=50, stop=("x",)))

    assert both == Sampling(beam_width=4, max_tokens=50, stop=("x",))


def test_a_knob_of_sampling_ends_a_beam_search_that_is_only_the_default() -> None:
    assert Sampling(temperature=1).over(Sampling(beam_width=4, max_tokens=9)) == Sampling(temperature=1, max_tokens=9)


def test_a_length_alone_leaves_a_default_beam_search_be() -> None:
    assert Sampling(max_tokens=5).over(Sampling(beam_width=4)) == Sampling(beam_width=4, max_tokens=5)


def test_two_that_contradict_each_other_are_refused_in_one_sentence() -> None:
    with pytest.raises(BadParameter, match="min_tokens 10 is above max_tokens 5"):
        Sampling(max_tokens=5).over(Sampling(min_tokens=10))


def test_presets_go_from_greedy_to_free() -> None:
    temperatures = [PRESETS[name].temperature or 0 for name in ("precise", "balanced", "creative")]

    assert temperatures[0] == 0
    assert temperatures == sorted(set(temperatures))
