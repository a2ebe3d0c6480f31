# SPDX-License-Identifier: BSD-3-Clause
"""Targets: a figure, what it is to be, and whether it is. Kept for the summary at the end."""

ROWS = []


def judge(what, value, limit, unit="", at_least=False):
    """Notes a figure; the text to print beside it."""
    holds = value >= limit if at_least else value <= limit
    text = f"{'>=' if at_least else '<='} {limit:g}{unit} {'ok' if holds else 'MISS'}"
    ROWS.append((what, f"{value:.4g}{unit}", text))
    return text


def print_summary():
    if not ROWS:
        return
    print("\n== summary")
    for what, value, text in ROWS:
        print(f"{what:<58}{value:>12}   {text}")
    missed = sum(text.endswith("MISS") for _, _, text in ROWS)
    print(f"{len(ROWS) - missed} of {len(ROWS)} targets reached")
