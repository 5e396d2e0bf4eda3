"""Password hashes: cost, number at a time, lengths."""

import threading
import time

import pytest

from tansaku.deploy.web.auth.passwords import AT_ONCE, BusyError, HashCost, Passwords
from tansaku.models.domain.errors import FieldError
from tests.unit.deploy.web.conftest import CHEAP, PASSWORD


def test_with_the_cost_of_real_use_a_hash_is_argon2id_and_verifies():
    passwords = Passwords(HashCost())
    stored = passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(stored, PASSWORD)
    assert not passwords.verify(stored, PASSWORD + "!")


def test_the_same_password_has_another_hash_each_time():
    passwords = Passwords(CHEAP)
    assert passwords.hash(PASSWORD) != passwords.hash(PASSWORD)


def test_without_a_stored_hash_no_password_is_right():
    passwords = Passwords(CHEAP)
    assert not passwords.verify(None, PASSWORD)
    assert not passwords.verify(None, "a user who does not exist")
    assert not passwords.verify("damaged", PASSWORD)


def test_the_same_characters_are_the_same_password():
    passwords = Passwords(CHEAP)
    assert passwords.verify(passwords.hash("pässwörter!!"), "pa\u0308sswo\u0308rter!!")


@pytest.mark.parametrize("length", [0, 11, 1025])
def test_short_and_endless_passwords_are_refused(length):
    with pytest.raises(FieldError, match=f"password: it has {length} characters, expected 12 to 1024"):
        Passwords(CHEAP).hash("x" * length)


def test_two_at_a_time_and_a_few_waiting(monkeypatch):
    passwords = Passwords(CHEAP)
    stored, go = passwords.hash(PASSWORD), threading.Event()
    lock, running, most, refused = threading.Lock(), 0, 0, []

    class Slow:
        def verify(self, expected, password):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            go.wait(10)
            with lock:
                running -= 1
            return True

    monkeypatch.setattr(passwords, "_hasher", Slow())

    def attempt():
        try:
            passwords.verify(stored, PASSWORD)
        except BusyError as error:
            refused.append(error)
            if len(refused) == 3:
                go.set()

    threads = [threading.Thread(target=attempt) for _ in range(AT_ONCE + 8 + 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == AT_ONCE
    assert len(refused) == 3


def test_half_of_a_character_is_no_password_and_no_error():
    """JSON may contain it; argon2 cannot hash it."""
    passwords = Passwords(CHEAP)
    assert not passwords.verify(passwords.hash(PASSWORD), "\ud800" * 12)
    with pytest.raises(FieldError, match="half of a character"):
        passwords.hash("\udfff" * 12)


def test_whoever_has_fewer_wrong_attempts_comes_first_and_the_others_are_given_up(monkeypatch):
    passwords = Passwords(CHEAP)
    stored, go = passwords.hash(PASSWORD), threading.Event()
    served: list[str] = []

    class Slow:
        def verify(self, expected, password):
            go.wait(10)
            served.append(password)
            return True

    monkeypatch.setattr(passwords, "_hasher", Slow())

    def attempt(who, rank):
        try:
            passwords.verify(stored, who, rank)
        except BusyError:
            refused.append(who)

    refused: list[str] = []
    guesses = [threading.Thread(target=attempt, args=(f"guess {n}", 5.0)) for n in range(AT_ONCE + 8 + 3)]
    for thread in guesses:
        thread.start()
    while len(refused) < 3:
        time.sleep(0.01)
    others = [threading.Thread(target=attempt, args=("stranger", 1.0)), threading.Thread(target=attempt, args=("device", -1.0))]
    for thread in others:
        thread.start()
        thread.join(0.2)
    assert len(refused) == 5
    go.set()
    for thread in (*guesses, *others):
        thread.join(20)
    assert {"stranger", "device"} <= set(served[: AT_ONCE + 2])
    assert all(who.startswith("guess") for who in refused)
