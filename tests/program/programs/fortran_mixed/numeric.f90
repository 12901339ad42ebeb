module numeric
  use iso_c_binding
  implicit none
  integer(c_int) :: calls
  real(c_double) :: last
  common /block/ calls, last
  bind(c, name='shared_block') :: /block/
  interface
    function from_fortran(x) bind(c) result(r)
      import :: c_double
      real(c_double), value :: x
      real(c_double) :: r
    end function from_fortran
  end interface
contains
  function norm(v, n) bind(c) result(r)
    integer(c_int), value :: n
    real(c_double), intent(in) :: v(n)
    real(c_double) :: r
    calls = calls + 1
    r = norm2(v)
    last = r
  end function norm

  subroutine scale(v, n, by) bind(c)
    integer(c_int), value :: n
    real(c_double), intent(inout) :: v(n)
    real(c_double), value :: by
    calls = calls + 1
    v = from_fortran(1.0d0)*v*by
  end subroutine scale
end module numeric
