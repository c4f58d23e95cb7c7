"""Which steps a pipeline has, and in what order: flattening, closure, depth first, cycles. Linear in steps and edges."""


def flatten(steps):
    """(the steps listed, {step: steps that a StepSequence puts before it}). NotImplementedError for foreign objects."""
    listed, before = [], {}
    _flatten(steps, listed, before)
    return listed, before


def _flatten(item, listed, before):
    from azureml.pipeline.core.builder import PipelineData, PipelineStep, StepSequence

    if isinstance(item, StepSequence):
        previous = []
        for entry in item:
            start = len(listed)
            _flatten(entry, listed, before)
            for step in listed[start:]:
                before.setdefault(step, []).extend(previous)
            previous = listed[start:] or previous
    elif isinstance(item, (list, tuple)):
        for entry in item:
            _flatten(entry, listed, before)
    elif isinstance(item, PipelineStep):
        listed.append(item)
    elif isinstance(item, PipelineData):
        if item._producer is None:
            raise ValueError(
                "PipelineData {} is not an output of any step: add it to the outputs of one.".format(item.name)
            )
        listed.append(item._producer)
    else:
        raise NotImplementedError("Can not add object of type {} to Pipeline.".format(type(item).__name__))


def arrange(listed, before, resolve_closure):
    """(steps in depth-first order, predecessors of each, the step at which a cycle closes or None)."""
    allowed = None if resolve_closure else set(listed)
    order, predecessors, done, cycle = [], {}, {}, None
    for root in listed:
        if root in done:
            continue
        stack = [(root, iter(_needs(root, before, predecessors, allowed)))]
        done[root] = False
        while stack:
            step, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                done[step] = True
                order.append(step)
            elif following not in done:
                done[following] = False
                stack.append((following, iter(_needs(following, before, predecessors, allowed))))
            elif not done[following] and cycle is None:
                cycle = step
    return order, predecessors, cycle


def _needs(step, before, predecessors, allowed):
    needs = list(dict.fromkeys(step._predecessors() + before.get(step, [])))
    if allowed is not None:
        for need in needs:
            if need not in allowed:
                raise ValueError(
                    "Step '{}' needs step '{}', which is not in the list of steps. "
                    "Add it, or leave resolve_closure=True.".format(step.name, need.name)
                )
    predecessors[step] = needs
    return needs


def node_ids(steps):
    """Eight hex digits for each step: the same name, kind and rank among equals always give the same digits."""
    from zlib import crc32

    ids, taken, ranks = {}, set(), {}
    for step in steps:
        key = step._kind + "\0" + step.name
        rank = ranks[key] = ranks.get(key, -1) + 1
        salt = 0
        while True:
            digits = "%08x" % crc32("{}\0{}\0{}".format(key, rank, salt).encode("utf-8", "surrogatepass"))
            if digits not in taken:
                break
            salt += 1
        taken.add(digits)
        ids[step] = digits
    return ids
