"""Scale compression at every tenth, against dropping as many detail tokens at random."""

from __future__ import annotations

from monkeyvl.ablation.studies.msac import TASK
from monkeyvl.ablation.study import Budget, Outcome, Study, Variant

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HALVES = (0.5, 0.9)


def run(variant: Variant, seed: int, budget: Budget) -> Outcome:
    """Answers with the seed's MSAC model, a share of the detail tokens left out."""
    from monkeyvl.ablation.dropping import answered_without
    from monkeyvl.ablation.marks import TILES
    from monkeyvl.ablation.tiny import (
        CUTS,
        TEST,
        TEST_PICTURES,
        TOKENS_PER_TILE,
        costs,
        outcome,
        pictures,
        trained,
    )
    from monkeyvl.models.minimonkey.compression import kept_count

    cut, some = CUTS["msac"], pictures(TEST, TEST_PICTURES)
    share, how = variant.settings["share"], variant.settings["how"]
    right = answered_without(trained(cut, seed, budget), cut, some, share, how, seed)
    detail = TILES * TOKENS_PER_TILE
    # the published code loses one token more, the first after the detail tokens
    dropped = detail - kept_count(detail, share) + (how == "official")
    return outcome(right, some, costs(cut, dropped))


STUDY = Study(
    name="scm",
    title="Scale compression",
    question="How much is lost when the detail tokens that the prompt looks at least are dropped?",
    task=TASK
    + " One model a seed, trained with MSAC and without compression, answers with each share of its 12 "
    "detail tokens dropped (of 24 visual tokens); each question is a prompt of its own. 'random' drops as "
    "many, any of them, and is compared with SCM at the same share; 'official' follows the published code's "
    "span instead of the paper's text, so it drops one token more. SCM's own pass through two layers is not "
    "among the costs.",
    reference="SCM 0",
    variants=(
        Variant("SCM 0", {"share": 0.0, "how": "exact"}),
        *(Variant(f"SCM {share}", {"share": share, "how": "exact"}) for share in SHARES),
        *(
            Variant(f"random {share}", {"share": share, "how": "random"}, against=f"SCM {share}")
            for share in SHARES[::2]
        ),
        *(
            Variant(f"official {share}", {"share": share, "how": "official"}, against=f"SCM {share}")
            for share in HALVES
        ),
    ),
    run=run,
    paper="The published scores of Mini-Monkey are without compression; no numbers of the paper's "
    "ablation of SCM are repeated here.",
    minutes_a_run=0.1,
)
