"""What the portal says about a study, in one place for pages, lists, paper and the API.

`headline` is what everything leads with: the radiologist's words once a report is final; before that the classifiers'
answers, beside the words that nobody has read the study. `computer` is what the classifiers say alone, in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext, gettext_noop

from diagnosis.models import Analysis, Prediction, ReadingPolicy, Report
from diagnosis.models.review import Category
from diagnosis.models.zone import Zone
from diagnosis.results import verdict
from diagnosis.results.answers import Answer, Given, Likeliest, given, given_frozen, likeliest, lung, pattern
from diagnosis.results.reading import Reading, reading
from diagnosis.results.verdict import Verdict
from diagnosis.rules.blinding import HIDDEN_UNTIL_READ
from diagnosis.states import AnalysisStatus

RESEARCH_ONLY = gettext_noop("Computer: for research only, not used here")
WHY_RESEARCH_ONLY = gettext_noop(
    "The classifiers of CT learnt from single slices without being shown where a lesion is, and how well they answer "
    "for images of other hospitals is not known. This clinic has not switched them on, so their results are folded."
)
RESEARCH_ONLY_SHOWN = gettext_noop(
    "For research only: the classifiers of CT learnt from single slices without being shown where a lesion is. "
    "Do not base the care of a patient on this."
)
# Of what the radiologist found: never a colour of reassurance, because no category speaks of everything.
_TONES = {
    Category.TYPICAL: "positive",
    Category.INDETERMINATE: "indeterminate",
    Category.ATYPICAL: "positive",
    Category.NEGATIVE: "neutral",
}


@dataclass(frozen=True)
class Computer:
    """What the classifiers say of a study.

    `short` is for a pill and names its question; `rest` goes on from it; both are there in every state of an analysis.
    `answers` are the questions in order, the trustworthy one first. `folded`: the result is for research only and the
    clinic has not switched it on: `short` says so, and the answers belong behind a disclosure, after `caution`.
    """

    tone: str
    short: str
    rest: str = ""
    answers: tuple[Answer, ...] = ()
    likeliest: Likeliest | None = None
    caution: str = ""
    folded: bool = False
    is_state: bool = False  # there is no result, and `rest` says why

    @property
    def sentence(self) -> str:
        """All in one: "Computer: lung looks abnormal; likeliest other pneumonia pattern. COVID-19 …"."""
        return _joined(self.short, self.rest, apart=self.is_state)


@dataclass(frozen=True)
class Headline:
    """What leads: `first` and `rest`, with `tone` for its colour and icon; `status` says who has read the study.

    Once a report is final, `first` is the radiologist's category, `rest` the first line of the impression, and `stand`
    what they made of the computer's result. `sentence` is all of it in one, as the API and a printed page give it.
    """

    tone: str
    first: str
    rest: str
    status: str
    stand: str
    reading: Reading
    computer: Computer

    @property
    def is_final(self) -> bool:
        return self.reading.is_final

    @property
    def sentence(self) -> str:
        apart = self.is_final or self.computer.is_state
        parts = (_joined(self.first, self.rest, apart=apart), self.status, self.stand)
        return " ".join(ended(part) for part in parts if part)


def headline(
    *,
    analysis: Analysis | None,
    report: Report | None,
    policy: ReadingPolicy,
    result_hidden: bool = False,
    reading_hidden: bool = False,
    being_read: bool = False,
) -> Headline:
    """What a study's row, page, paper and API lead with. What a person may not know yet is hidden by the two flags.

    Uses prefetches of the analysis' `predictions` and `ensemble_prediction` and of the report's `review.reader`.
    """
    read = reading(report, hidden=reading_hidden, being_read=being_read)
    said = computer(analysis, policy=policy, hidden=result_hidden)
    if read.is_final:
        return _of_report(read, said)
    return Headline(said.tone, said.short, said.rest, read.sentence, "", read, said)


def _of_report(read: Reading, said: Computer) -> Headline:
    assert read.report is not None  # it is final
    first = gettext("Radiologist: %(category)s") % {"category": read.category}
    return Headline(
        _TONES[Category(read.report.category)], first, read.impression, read.sentence, read.stand, read, said
    )


def computer(analysis: Analysis | None, *, policy: ReadingPolicy, hidden: bool = False) -> Computer:
    """What the classifiers say, or why they say nothing. `hidden`: whoever asks may not see it yet."""
    if analysis is None or analysis.status != AnalysisStatus.SUCCEEDED or hidden:
        return _state(verdict.of_analysis(analysis, hidden=hidden), until_read=hidden and policy.hide_until_read)
    predictions = list(analysis.predictions.all())
    one = analysis.ensemble or (predictions[0] if len(predictions) == 1 else None)
    if one is not None:
        return of_given(given(one), policy=policy)
    return _of_several(predictions, policy) if predictions else Computer("neutral", gettext("Computer: no result"))


def computer_frozen(analysis: Mapping[str, Any] | None, *, policy: ReadingPolicy) -> Computer | None:
    """The same from the `analysis` of a report's snapshot, of any age; None where it rests on no single result."""
    if not analysis:
        return None
    predictions: Sequence[Mapping[str, Any]] = analysis.get("predictions") or []
    one = analysis.get("combination") or (predictions[0] if len(predictions) == 1 else None)
    return of_given(given_frozen(one), policy=policy) if one else None


def of_given(one: Given, *, policy: ReadingPolicy) -> Computer:
    answers = tuple(answer for answer in (lung(one, policy), pattern(one, policy)) if answer)
    found = likeliest(one)
    said = Computer(
        _tone(one, answers),
        gettext("Computer: %(answer)s") % {"answer": _first(one, answers, found)},
        _rest(one, answers, found),
        answers,
        found if one.is_of_several_classes else None,
    )
    return _for_research(said, policy) if one.is_research_only else said


def _first(one: Given, answers: Sequence[Answer], found: Likeliest) -> str:
    """The answer to the first question; where it was not asked, the likeliest class, or the only question's answer."""
    if len(answers) > 1:
        return answers[0].words
    return _likeliest(found) if one.is_of_several_classes else answers[0].sentence


def _rest(one: Given, answers: Sequence[Answer], found: Likeliest) -> str:
    second = answers[-1].sentence
    if not one.is_of_several_classes:
        return second if len(answers) > 1 else ""
    if len(answers) == 1:
        return second
    return gettext("%(likeliest)s. %(second)s") % {"likeliest": _likeliest(found), "second": second}


def _likeliest(found: Likeliest) -> str:
    if not found.probability:
        return gettext("likeliest %(label)s") % {"label": found.label}
    return gettext("likeliest %(label)s (%(probability)s)") % {"label": found.label, "probability": found.probability}


def _tone(one: Given, answers: Sequence[Answer]) -> str:
    """That of the first question. Nothing has the colour of reassurance while another disease is likeliest."""
    if one.stance is Zone.POSITIVE or one.names_another:
        return "positive"
    return answers[0].tone


def _for_research(said: Computer, policy: ReadingPolicy) -> Computer:
    if policy.show_research_only:
        return replace(said, caution=gettext(RESEARCH_ONLY_SHOWN), short=_research_name(said.short))
    short = gettext(RESEARCH_ONLY)
    return replace(said, tone="neutral", short=short, rest="", caution=gettext(WHY_RESEARCH_ONLY), folded=True)


def _research_name(short: str) -> str:
    return gettext("Research only. %(short)s") % {"short": short}


def _of_several(predictions: list[Prediction], policy: ReadingPolicy) -> Computer:
    """Of classifiers whose answers were not combined: none of them speaks for the others."""
    together = verdict.of_several(predictions)
    rest = ""
    if together.label:
        rest = gettext("likeliest for all of them %(label)s (%(probability)s)") % {
            "label": together.label,
            "probability": together.probability,
        }
    tone = "positive" if any(given(one).names_another for one in predictions) else together.tone
    said = Computer(tone, gettext("Computer: %(answer)s") % {"answer": together.sentence}, rest)
    return _for_research(said, policy) if given(predictions[0]).is_research_only else said


def _state(found: Verdict, *, until_read: bool) -> Computer:
    """Of an analysis without a result that may be shown."""
    sentence = gettext(HIDDEN_UNTIL_READ) if until_read else found.sentence
    short = gettext("Computer: %(state)s") % {"state": found.status}
    return Computer(found.tone, short, sentence, is_state=True)


def _joined(first: str, rest: str, *, apart: bool) -> str:
    """`apart`: as two sentences."""
    if not rest:
        return first
    template = gettext("%(first)s. %(rest)s") if apart else gettext("%(first)s; %(rest)s")
    return template % {"first": first, "rest": rest}


def ended(part: str) -> str:
    """As a whole sentence: with a full stop, where it has no end of its own."""
    return part if part.endswith((".", "!", "?", "…")) else f"{part}."
