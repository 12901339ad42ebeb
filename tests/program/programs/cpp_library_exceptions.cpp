// Exceptions of the C++ library caught by code that refers to their type information by absolute addresses.
//#compilers: gcc clang
//#flags: -fno-pie | -fno-pie -O2 | -O2
#include <stdexcept>
#include <cstdio>
#include <string>
#include <typeinfo>
#include <vector>
struct My : std::runtime_error { My(const char*s):std::runtime_error(s){} int v=4; };
static int f(int i){ if(i==0) throw 5; if(i==1) throw std::out_of_range("oor"); if(i==2) throw My("mine"); if(i==3) throw std::string("str"); return i; }
int main(){
 for(int i=0;i<5;i++) try { printf("%d\n",f(i)); }
 catch(int e){ printf("int %d\n",e);} catch(const My&e){ printf("My %s %d %s\n",e.what(),e.v,typeid(e).name()); }
 catch(const std::logic_error&e){ printf("logic %s\n",e.what()); } catch(std::string&s){ printf("string %s\n",s.c_str()); }
 try { std::vector<int> v; v.at(3); } catch(std::exception&e){ printf("%s %d\n", e.what(), dynamic_cast<std::out_of_range*>(&e)!=0); }
 std::runtime_error *r=new My("x"); printf("%d %d\n", dynamic_cast<My*>(r)!=0, typeid(*r)==typeid(My)); delete r;
 printf("%s %d\n", typeid(int).name(), typeid(std::exception)==typeid(std::exception));
}
