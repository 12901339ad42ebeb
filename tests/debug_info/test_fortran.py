"""Functions of gfortran: parameters by reference, or by value where the source says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import uruk

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

SOURCE = """
module shapes
  implicit none
  integer :: counter = 5
contains
  function area(w, h) result(a)
    real(8), intent(in) :: w, h
    real(8) :: a
    a = w*h
  end function
end module
subroutine scale(n, x, f)
  integer, intent(in) :: n
  real(8), intent(inout) :: x(n)
  real(8), intent(in) :: f
  x = x*f
end subroutine
integer(4) function added(a, b) bind(c, name="added")
  integer(4), value :: a
  integer(4), value :: b
  added = a + b
end function
subroutine greet(s)
  character(len=*) :: s
end subroutine
subroutine shaped(a)
  real(8) :: a(:)
end subroutine
"""


def compiled(folder: Path, *flags: str) -> Path:
    (folder / "s.f90").write_text(SOURCE)
    command = [require_tool("gfortran"), "-c", "-g", *flags, "-o", folder / "s.o", folder / "s.f90"]
    subprocess.run(command, check=True, cwd=folder)
    return folder / "s.o"


@pytest.mark.parametrize("place", ["here", "child"])
def test_calls(tmp_path: Path, place: str) -> None:
    with uruk.load(compiled(tmp_path), executor=uruk.spawn() if place == "child" else None) as loaded:
        area = loaded.jit.lookup("__shapes_MOD_area")
        assert str(area.__doc__).startswith("double __shapes_MOD_area(double *w, double *h)")
        assert area([2.0], [3.5]) == 7.0
        numbers = np.array([1.0, 2.0, 3.0])
        loaded.scale_([3], numbers, [2.0])
        assert numbers.tolist() == [2, 4, 6]
        assert loaded.added(2, 3) == 5
        counter = "__shapes_MOD_counter"
        assert loaded[counter] == 5
        loaded[counter] = 6
        assert loaded[counter] == 6


def test_refusals(tmp_path: Path) -> None:
    with uruk.load(compiled(tmp_path)) as loaded:
        with pytest.raises(uruk.InvalidType, match="its parameter `s' is not passed"):
            loaded.greet_(b"x")
        with pytest.raises(uruk.InvalidType, match="an array of Fortran's with a descriptor is not passed"):
            loaded.shaped_([1.0])


def test_optimised_code_is_called_right_or_refused(tmp_path: Path) -> None:
    with uruk.load(compiled(tmp_path, "-O2")) as loaded:
        for name, arguments, result in (("added", (2, 3), 5), ("__shapes_MOD_area", ([2.0], [3.0]), 6.0)):
            try:
                assert loaded[name](*arguments) == result
            except uruk.InvalidType as error:
                told = str(error)
                assert "does not say whether it is a reference" in told
