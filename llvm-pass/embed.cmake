# Writes the text file IN to OUT as a C++ string literal. Raw literals have a limit
# on their length in some compilers, so each line becomes a literal of its own.
file(READ ${IN} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n\"" text "${text}")
file(WRITE ${OUT} "\"${text}\"\n")
