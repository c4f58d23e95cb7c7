"""Ids are made ahead, many at a time: each is given once, in whatever thread or process."""

import os
import threading
import uuid

from penstock.service.context import guid, new_id


def test_an_id_is_a_random_guid():
    found = [uuid.UUID(new_id()) for _ in range(2_000)]
    assert {(i.version, i.variant) for i in found} == {(4, uuid.RFC_4122)} and len({*found}) == 2_000
    named = uuid.uuid5(uuid.NAMESPACE_URL, "x")
    assert guid(named.hex, 5) == str(named)


def test_threads_are_given_each_id_once():
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend([new_id() for _ in range(3_000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({*found}) == len(found) == 12_000


def test_a_forked_process_has_ids_of_its_own():
    new_id()  # some more are made ahead by now
    read, write = os.pipe()
    if not (child := os.fork()):
        os.write(write, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with open(read) as said:
        assert said.read() not in [new_id() for _ in range(500)]
