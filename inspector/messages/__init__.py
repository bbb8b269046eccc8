"""What crosses a process boundary. pydantic and the standard library only.

job.py      what the gateway hands to a worker
recipe.py   the rules a part is judged by; travels inside the job, so a changeover never touches a part
            that is under way
result.py   what a worker answers; serialised once, stored, archived and spliced unparsed
names.py    the shapes of names that people give (line, part id, ...)
"""
