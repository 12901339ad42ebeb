! Internal procedures passed as arguments: gfortran makes trampolines on the stack.
!#flags: -O0 | -O2
program main
    implicit none
    real(8) :: scale
    integer :: calls
    interface
        function integrand(x) result(y)
            real(8), intent(in) :: x
            real(8) :: y
        end function
    end interface
    scale = 3d0
    calls = 0
    print '(f10.6)', integrate(square, 0d0, 2d0)
    print '(f10.6)', integrate(line, 0d0, 2d0)
    print '(i0)', calls
contains
    function square(x) result(y)
        real(8), intent(in) :: x
        real(8) :: y
        calls = calls + 1
        y = scale * x * x
    end function
    function line(x) result(y)
        real(8), intent(in) :: x
        real(8) :: y
        calls = calls + 1
        y = scale + x
    end function
    recursive function integrate(f, a, b) result(total)
        procedure(integrand) :: f
        real(8), intent(in) :: a, b
        real(8) :: total
        integer :: i
        total = 0
        do i = 1, 1000
            total = total + f(a + (b - a) * (i - 0.5d0) / 1000)
        end do
        total = total * (b - a) / 1000
    end function
end program
