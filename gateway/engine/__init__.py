"""From a command to durable events, and back to those who read them.

The sequencer stamps and applies, the journal makes durable, views and history answer. Readers never see the core.
"""
