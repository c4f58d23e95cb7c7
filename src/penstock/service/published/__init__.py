"""What authors keep to run again under an id: published pipelines, endpoints, drafts."""
