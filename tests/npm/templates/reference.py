"""Renders chat templates as `transformers` does: jinja2 with its settings, filters and functions. Reads
{"templates": [paths], "values": [objects]} and writes for each path a list of {"text"} or {"error"}."""

import datetime
import json
import pathlib
import sys

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
import jinja2.ext
from jinja2 import nodes
from jinja2.ext import Extension

class Generation(Extension):
    """`{% generation %}` marks what a model writes, and renders as its body."""

    tags = {"generation"}
    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)
    def _body(self, caller):
        return caller()

def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)

def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = lambda f: datetime.datetime.now().strftime(f)
job = json.load(sys.stdin)
out = {}
for name in job["templates"]:
    text = pathlib.Path(name).read_text()
    rows = []
    for values in job["values"]:
        try:
            rows.append({"text": env.from_string(text).render(**values)})
        except Exception as e:
            rows.append({"error": f"{type(e).__name__}: {e}"})
    out[name] = rows
json.dump(out, sys.stdout)
