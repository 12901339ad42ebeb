module shapes
  implicit none
  integer :: counted = 0
  integer, private :: table(5) = [1, 2, 3, 4, 5]
  type, abstract :: shape
  contains
    procedure(measure), deferred :: area
  end type shape
  abstract interface
    function measure(self) result(r)
      import :: shape
      class(shape), intent(in) :: self
      real(8) :: r
    end function measure
  end interface
  type, extends(shape) :: circle
    real(8) :: radius
  contains
    procedure :: area => circle_area
  end type circle
  type, extends(shape) :: square
    real(8) :: side
  contains
    procedure :: area => square_area
  end type square
contains
  function circle_area(self) result(r)
    class(circle), intent(in) :: self
    real(8) :: r
    r = acos(-1.0d0)*self%radius**2
  end function circle_area

  function square_area(self) result(r)
    class(square), intent(in) :: self
    real(8) :: r
    r = self%side**2
  end function square_area

  subroutine describe(s)
    class(shape), intent(in) :: s
    counted = counted + table(3)
    select type (s)
    type is (circle)
      print '(a, f10.5)', 'circle', s%area()
    class default
      print '(a, f10.5)', 'shape', s%area()
    end select
  end subroutine describe

  recursive function factorial(n) result(r)
    integer, intent(in) :: n
    integer(8) :: r
    r = 1
    if (n > 1) r = n*factorial(n - 1)
  end function factorial
end module shapes
