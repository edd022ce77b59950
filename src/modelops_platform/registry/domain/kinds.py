"""The words with a fixed meaning: kinds of models, classes of the EU AI Act, the state of a digest."""

from enum import StrEnum


class ModelKind(StrEnum):
    """What sort of model an inventory entry is."""

    ML = "ml"
    STATISTICAL = "statistical"
    RULES = "rules"
    SPREADSHEET = "spreadsheet"
    LLM = "llm"
    AGENT = "agent"
    VENDOR = "vendor"
    PROMPT = "prompt"  # a text with versions; listed apart, never counted as a model
    OTHER = "other"


class DigestState(StrEnum):
    """Whether the platform holds the bytes that a version names."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    DAMAGED = "damaged"  # held once; by now some are missing or wrong


class EuClass(StrEnum):
    """How the EU AI Act (2024/1689) classifies a system."""

    PROHIBITED = "prohibited"
    HIGH_ANNEX_I = "high_annex_i"
    HIGH_ANNEX_III = "high_annex_iii"
    EXEMPT_6_3 = "exempt_6_3"
    TRANSPARENCY = "transparency"
    GPAI = "gpai"
    GPAI_SYSTEMIC = "gpai_systemic"
    MINIMAL = "minimal"
    OUT_OF_SCOPE = "out_of_scope"


KIND_WORDS = {
    ModelKind.ML: "Machine learning",
    ModelKind.STATISTICAL: "Statistical model",
    ModelKind.RULES: "Rule set",
    ModelKind.SPREADSHEET: "Spreadsheet",
    ModelKind.LLM: "Language model",
    ModelKind.AGENT: "Agent",
    ModelKind.VENDOR: "Vendor model",
    ModelKind.PROMPT: "Prompt",
    ModelKind.OTHER: "Other",
}

EU_WORDS = {
    EuClass.PROHIBITED: "Prohibited practice (Art. 5)",
    EuClass.HIGH_ANNEX_I: "High risk, part of a regulated product (Art. 6(1))",
    EuClass.HIGH_ANNEX_III: "High risk, listed use (Annex III)",
    EuClass.EXEMPT_6_3: "Listed use, exempt and documented (Art. 6(3))",
    EuClass.TRANSPARENCY: "Transparency duties (Art. 50)",
    EuClass.GPAI: "General-purpose model",
    EuClass.GPAI_SYSTEMIC: "General-purpose model with systemic risk",
    EuClass.MINIMAL: "Minimal risk",
    EuClass.OUT_OF_SCOPE: "Out of scope",
}
