"""What peers write down beside their logs, and the rules that only such a trace can show (W)."""

from __future__ import annotations

from verifier.traces import choices, lines, messages, order, requests, service, waste

__all__ = ["choices", "lines", "messages", "order", "requests", "service", "waste"]
