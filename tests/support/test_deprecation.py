"""Old spellings of arguments and attributes."""

import warnings

import pytest

from keras_cnns.support.deprecation import renamed_arguments


@renamed_arguments(spare="error_avoided")
def exported(*, error_avoided=None):
    return error_avoided


def test_an_old_argument_warns_and_is_passed_on():
    with pytest.warns(DeprecationWarning, match="spare= is now called error_avoided="):
        assert exported(spare=0.5) == 0.5


def test_a_new_argument_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert exported(error_avoided=0.5) == 0.5


def test_export_takes_the_old_name_of_error_avoided():
    from keras_cnns.support.errors import UserError
    from keras_cnns.tflite import export

    with (
        pytest.warns(DeprecationWarning, match="spare= is now called"),
        pytest.raises(UserError, match="int8 leaves no operator out: error_avoided"),
    ):
        export("net.keras", "net.tflite", scheme="int8", spare=0.5)
