int overridden(void) { return 10; }
int weak_data = 30;
int elsewhere(void) { return 40; }
extern int alias(void), weak_alias(void), kept(void), data_alias[];
int sum_elsewhere(void) { return alias() + weak_alias() + kept() + data_alias[2]; }
