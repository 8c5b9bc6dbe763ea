"""llama.cpp on the machine itself (llama-cpp-python), as a ceiling: the same commands as the page's, one JSON object a line."""

import json
import sys
import time

import llama_cpp
from llama_cpp import Llama

model = None
for line in sys.stdin:
    command = json.loads(line)
    try:
        start = time.perf_counter()
        if command["do"] == "load":
            model = Llama(
                command["path"], n_ctx=command["context"], n_threads=command["threads"], n_threads_batch=command["threads"],
                n_batch=512, n_gpu_layers=0, verbose=False,
            )
            answer = {"ms": (time.perf_counter() - start) * 1000, "about": {"version": llama_cpp.__version__}}
        else:
            text, first, last, tokens = b"", None, start, 0
            model.reset()
            prompt = model.tokenize(command["prompt"].encode(), add_bos=False)
            for token in model.generate(prompt, temp=0.0, repeat_penalty=1.0, reset=False):
                last = time.perf_counter()
                first = first or last
                tokens += 1
                text += model.detokenize([token])
                if tokens == command["n"]:
                    break
            answer = {
                "firstMs": (first - start) * 1000, "laterMs": (last - first) * 1000, "tokens": tokens,
                "text": text.decode(errors="replace"), "promptTokens": len(prompt),
            }
    except Exception as error:  # The engine's failure is a result to report.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
