! A Fortran program: modules over two files, formatted output, allocatable arrays, recursion, internal files, STOP.
!#sources: shapes.f90 main.f90
!#flags: -O0 | -O2 | -O1 -fno-pie
!#stdin: 3 2.5\n
!#exit: 7
!#link: -lm
program main
  use shapes
  implicit none
  type(circle) :: c
  class(shape), allocatable :: s
  integer :: n, i, unit, stat
  real(8) :: x
  real(8), allocatable :: matrix(:, :), product(:, :)
  complex(8) :: z
  character(len=40) :: text
  character(len=:), allocatable :: joined

  read (*, *) n, x
  print '(a, i4, f8.3)', 'read', n, x
  allocate (matrix(n, n), source=x)
  do i = 1, n
    matrix(i, i) = matrix(i, i) + i
  end do
  product = matmul(matrix, transpose(matrix))
  do i = 1, n
    write (*, '(*(f10.4))') product(i, :)
  end do
  z = (1.0d0, 2.0d0)**3
  write (text, '(2f9.3, l3)') z, all(matrix > 0)
  print *, trim(text), maxloc(matrix), sum(matrix, dim=1)
  c = circle(2.0d0)
  call describe(c)
  allocate (s, source=square(3.0d0))
  call describe(s)
  joined = 'text '//repeat('ab', n)
  print *, joined, len(joined), factorial(10)
  open (newunit=unit, status='scratch', iostat=stat)
  write (unit, *) 42, 'scratch'
  rewind (unit)
  read (unit, *) i
  print *, i, stat, counted
  write (0, *) 'to the error unit'
  if (command_argument_count() == 0) stop 7
end program main
