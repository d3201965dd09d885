"""What a pair of dialects cannot carry, and why: by what a format has no place for, not by what
the gateway does not do. Every row is asserted: exactly this is lost, and said where it must be.
"""
from dataclasses import dataclass

ALL = "openai responses anthropic gemini cohere ollama"


@dataclass
class Loss:
    inbound: str     # names of dialects
    outbound: str
    scenario: str    # names of scenarios
    facets: str      # what differs
    reason: str
    told: str = ""   # x-sluice-dropped-params names this
    refused: str = ""  # without drop_params: a 400 that names this

    def covers(self, inbound, outbound, scenario):
        return (inbound in self.inbound.split() and outbound in self.outbound.split() and
                scenario in self.scenario.split())


def but(*names):
    return " ".join(n for n in ALL.split() if n not in names)


SIGNED = ("its history has no place for a signature, so the vendor's signed thoughts cannot be handed back: ")

LOSSES = [
    # -- what a vendor cannot be told --
    Loss(but("ollama", "cohere"), "ollama", "tool_choice_required", "request.choice, request.system",
         "Ollama has no tool_choice: asked for in a system message instead", told="tool_choice"),
    Loss("cohere", "ollama", "tool_choice_required", "request.choice, request.system",
         "Ollama has no tool_choice: asked for in a system message instead", told="tool_choice"),
    Loss(but("ollama", "cohere"), "ollama", "tool_choice_named", "request.choice, request.system",
         "Ollama has no tool_choice: only that tool is offered, and asked for in a system message",
         told="tool_choice"),

    Loss(but("responses"), "responses", "stop_sequence", "request.stop", "Responses has no stop sequences",
         told="stop", refused="stop"),

    Loss(but("ollama", "cohere", "gemini"), "gemini cohere ollama", "one_call", "request.parallel",
         "the vendor has no switch for parallel calls", told="parallel_tool_calls"),
    Loss(but("anthropic"), "anthropic", "json_object", "request.system, request.json",
         "Claude knows schemas only: JSON is asked for in a system message"),
    Loss("openai gemini", "responses cohere ollama", "n", "request.n", "the vendor gives one answer only",
         told="n", refused="n"),
    Loss("responses anthropic gemini", "cohere", "result_image", "then request.images, then request.results",
         "Cohere's tool messages hold no pictures: a note stands in their place", told="image_url"),
    Loss("openai", "responses gemini cohere ollama", "cache_marks", "request.marks",
         "the vendor caches by itself, or not at all: marks are left out"),
    Loss("anthropic", but("anthropic"), "cache_marks", "request.marks",
         "the vendor caches by itself, or not at all: marks are left out"),
    Loss("openai responses anthropic", "gemini cohere ollama", "user_id", "request.user",
         "the vendor has no place for an end user's id", told="user"),

    # -- what a client cannot be told --
    Loss("anthropic", "openai responses gemini", "citations", "answer.sources",
         "Claude's citations carry a proof of where they are from, which only Anthropic can make"),
    Loss("cohere ollama", "openai responses anthropic gemini", "citations", "answer.sources",
         "the client's format has no place for addresses that are cited"),
    Loss("gemini cohere ollama", "openai responses anthropic", "cache_written", "answer.usage.written",
         "the client's format does not count what was written to a cache"),
    Loss("ollama", but("ollama"), "cache_written", "answer.usage.cached", "Ollama's counts know no cached tokens"),
    Loss("openai gemini cohere ollama", "anthropic", "stop_sequence", "answer.stop_sequence",
         "the client's format says that the answer stopped, not at which stop sequence"),
    Loss("cohere ollama", "openai responses anthropic gemini", "blocked", "answer.finish",
         "the client's format has no word for a blocked answer: it ends as one that is complete"),
    Loss("ollama", "cohere", "blocked", "answer.finish",
         "the client's format has no word for a blocked answer: it ends as one that is complete"),
    Loss("anthropic gemini cohere ollama", "openai responses", "refusal", "answer.order",
         "the client's format has no refusals apart from text: the words come as the answer's text"),
    Loss("cohere", "openai responses anthropic gemini", "usage", "answer.usage.reasoning",
         "Cohere's usage does not count reasoning apart"),
    Loss("ollama", "openai responses anthropic gemini", "usage", "answer.usage.reasoning, answer.usage.cached",
         "Ollama's counts know neither cached nor reasoning tokens"),
    Loss("ollama", "cohere", "usage", "answer.usage.cached", "Ollama's counts know no cached tokens"),

    # -- what a client cannot keep for the vendor --
    Loss("cohere ollama", "responses", "reasoning_loop", "then request.thinking",
         SIGNED + "the model thinks anew after a tool's result"),
    Loss("cohere ollama", "anthropic", "reasoning_loop", "then request.thinking, then request.reasoning",
         SIGNED + "Claude refuses to think without them, so thinking is off until the next question",
         told="reasoning_effort"),
]


def losses_of(inbound, outbound, scenario):
    return [x for x in LOSSES if x.covers(inbound, outbound, scenario)]


def facets(loss):
    return [f.strip() for f in loss.facets.split(",")]


def explain(inbound, outbound, scenario, diffs, dropped):
    """What is different and should not be; what should be lost and is not; what is not told."""
    rows = losses_of(inbound, outbound, scenario)
    allowed = {f for r in rows for f in facets(r)}
    for k, v in diffs.items():
        if k not in allowed:
            yield f"{k}: {v}"
    for f in sorted(allowed - set(diffs)):
        yield f"{f} is listed as lost but is not"
    for r in rows:
        if r.told and r.told not in dropped:
            yield f"x-sluice-dropped-params does not name {r.told}, but {sorted(dropped)}"
