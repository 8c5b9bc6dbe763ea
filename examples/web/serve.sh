#!/usr/bin/env bash
# An OpenAI-compatible endpoint on this machine, asked with curl: the models, an answer, a stream.
#
#   npm install nanolm
#   bash serve.sh /models/qwen2.5-0.5b-instruct-q4_k_m.gguf
set -eu -m
address="http://127.0.0.1:${PORT:-8080}"
npx nanolm serve "$1" --port "${PORT:-8080}" >/dev/null &
trap 'kill -- -$!' EXIT # with -m a command of its own group: npx and the server
curl --silent --retry 60 --retry-delay 1 --retry-connrefused --output /dev/null "$address/health"

ask() { curl --silent --no-buffer "$address/v1/$1" -H 'content-type: application/json' -d "$2"; }

curl --silent "$address/v1/models"
echo
ask chat/completions '{ "model": "any", "max_tokens": 60, "messages": [{ "role": "user", "content": "Why is the sky blue?" }] }'
echo
ask chat/completions '{ "model": "any", "max_tokens": 60, "stream": true, "messages": [{ "role": "user", "content": "Why is the sky blue?" }] }'
