! A program in a language that no buildpack of the builder is for.
program serve
  print *, "nobody compiles this"
end program serve
