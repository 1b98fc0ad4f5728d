"""The hub: takes OTLP and events in, keeps them, shows them, and passes them on."""
