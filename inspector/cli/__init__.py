"""The command line: `inspector COMMAND`. One file a command, loaded only when it is called.

app.py               the list of commands; errors as one clear line; `main`
up_command.py        the one-machine stack          stack/  its processes
camera_command.py    posting images                 camera_display.py  what it shows
inspect_command.py   the model on files, no server
train_command.py, evaluate_command.py
"""
