extern int other, needed_by_the_member;
int limit = 5;
int *other_too[] = {&other, &needed_by_the_member};
