"""What worker processes of tests run. They import it by a name that no other package has."""

import os


def start(*args):
    pass


def die_at_five(number):
    if number == 5:
        os._exit(9)
    return number
