"""PyTorch and Captum as a peer: python torch_captum.py MODEL_FOLDER

A process that stays: one request per line on stdin, one answer per line on stdout, both JSON.

    {"job": "hello"}                                  versions, threads, processor
    {"job": "status"}                                 peak resident memory in bytes, processor seconds
    {"job": NAME, "repeat": 3, …arguments}            {"seconds": mean of one run, "attention": which}
    {"job": NAME, "repeat": 1, "values": true, …}     the same, with "values": numbers to compare

A job that exists with both kinds of attention runs with the faster of the two, found out at its first request, so that
the peer is seen at its best; "attention": "eager" or "sdpa" asks for one. What fails answers {"error": sentence}.
Threads come from OMP_NUM_THREADS. Weights are widened to float32.
"""
import json
import os
import platform
import resource
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print must not mix with answers

import captum
import numpy as np
import torch
import transformers
from captum.attr import LayerIntegratedGradients
from safetensors.numpy import load_file
from transformers import BertConfig, BertModel

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
KINDS = ("sdpa", "eager")


def load(folder, attention):
    with open(os.path.join(folder, "config.json")) as file:
        fields = json.load(file)
    for name in ("torch_dtype", "architectures", "_name_or_path", "transformers_version", "model_type", "coref"):
        fields.pop(name, None)
    config = BertConfig(**fields)
    config._attn_implementation = attention
    model = BertModel(config)
    weights = load_file(os.path.join(folder, "model.safetensors"))
    if any(name.startswith("bert.") for name in weights):  # a larger model, of which this is the encoder
        weights = {name: w for name, w in weights.items() if name.startswith("bert.")}
    named = {name.removeprefix("bert."): torch.from_numpy(w.astype(np.float32)) for name, w in weights.items()}
    missing, unexpected = model.load_state_dict(named, strict=False)
    missing = [name for name in missing if not name.startswith("pooler.")]
    unexpected = [name for name in unexpected if not name.endswith("position_ids")]
    if missing or unexpected:
        raise ValueError(f"weights that do not fit the model: missing {missing}, unexpected {unexpected}")
    return model.eval().requires_grad_(False)


models = {kind: load(sys.argv[1], kind) for kind in KINDS}

reductions = {
    "sum": lambda x: x.sum(-1),
    "mean": lambda x: x.mean(-1),
    "max": lambda x: x.max(-1).values,
    "l2": lambda x: x.norm(dim=-1),
}


def ends(model, ids, baseline):
    """The embeddings of the input and of its baseline, [L, H] each."""
    with torch.no_grad():
        return tuple(model.embeddings(input_ids=torch.tensor([x]))[0] for x in (ids, baseline))


def path_of(u, u0, points):
    """The Gauss-Legendre points between two ends, [points, L, H], and their weights, [points, 1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    alphas = torch.tensor((1 + nodes) / 2, dtype=torch.float32)[:, None, None]
    return u0 + alphas * (u - u0), torch.tensor(weights / 2, dtype=torch.float32)[:, None, None]


def captum_calls(model, ids, baseline, targets, points, reduce="sum"):
    """Captum's LayerIntegratedGradients, one call a target."""
    x, x0 = torch.tensor([ids]), torch.tensor([baseline])

    def attribute(k):
        method = LayerIntegratedGradients(
            lambda x: reductions[reduce](model(input_ids=x).last_hidden_state[:, k]), model.embeddings
        )
        return method.attribute(x, x0, n_steps=points, method="gausslegendre")[0]

    return lambda: torch.stack([attribute(k) for k in targets]).sum(-1)


def shared_forward(model, ids, baseline, targets, points, reduce="sum"):
    """By hand: one forward over the path, one backward a target on the kept graph."""

    def run():
        u, u0 = ends(model, ids, baseline)
        path, weights = path_of(u, u0, points)
        path.requires_grad_()
        hidden = model.encoder(path).last_hidden_state
        scores = []
        for i, k in enumerate(targets):
            y = reductions[reduce](hidden[:, k]).sum()
            gradient, = torch.autograd.grad(y, path, retain_graph=i + 1 < len(targets))
            scores.append(((weights * gradient).sum(0) * (u - u0)).sum(-1))
        return torch.stack(scores)

    return run


def forward_mode(model, ids, baseline, points, chunk=10):
    """By hand: every output coordinate by forward mode, one tangent a token that differs from its baseline.

    Gives the attributions of the sums over the hidden axis, [tokens that differ, L], from all of [those, L, H].
    """

    def run():
        u, u0 = ends(model, ids, baseline)
        path, weights = path_of(u, u0, points)
        difference = u - u0
        differing = [t for t in range(len(ids)) if ids[t] != baseline[t]]
        directions = torch.zeros(len(differing), *difference.shape)
        for i, t in enumerate(differing):
            directions[i, t] = difference[t]
        total = 0
        with torch.no_grad():
            for part, w in zip(path.split(chunk), weights.split(chunk)):

                def along(direction):
                    tangent = direction.expand_as(part)
                    return torch.func.jvp(lambda x: model.encoder(x).last_hidden_state, (part,), (tangent,))[1]

                total = total + (torch.func.vmap(along)(directions) * w).sum(1)
        return total.sum(-1)

    return run


def ends_of(y):
    """What is compared of a large result: its first and its last vector."""
    rows = y.reshape(-1, y.shape[-1])
    return torch.cat([rows[0], rows[-1]])


def forward(model, ids):
    x = torch.tensor(ids)

    def run():
        with torch.inference_mode():
            return model(input_ids=x).last_hidden_state

    return run


def forward_backward(model, ids):
    """The gradient of the sum of all outputs with respect to the embeddings' output; none of a weight."""
    x = torch.tensor(ids)

    def run():
        with torch.no_grad():
            embeddings = model.embeddings(input_ids=x)
        embeddings.requires_grad_()
        return torch.autograd.grad(model.encoder(embeddings).last_hidden_state.sum(), embeddings)[0]

    return run


def pattern(rows, columns):
    """The same numbers in every program: ((7919 i) mod 1000) / 1000 - 1/2."""
    i = torch.arange(rows * columns, dtype=torch.int64)
    return ((7919 * i % 1000).to(torch.float64) / 1000 - 0.5).to(torch.float32).reshape(rows, columns)


def matmul(shape):
    m, k, n = shape
    a, b, c = pattern(m, k), pattern(k, n), torch.empty(m, n)
    return lambda: torch.matmul(a, b, out=c)


# name: function, kinds of attention that it runs with (none: no model), whether values are all of the result
jobs = {
    "captum": (captum_calls, KINDS, True),
    "sharedForward": (shared_forward, KINDS, True),
    "forwardMode": (forward_mode, ("eager",), True),  # PyTorch's fused attention has no forward derivative
    "forward": (forward, KINDS, False),
    "forwardBackward": (forward_backward, KINDS, False),
    "matmul": (matmul, (), False),
}
prepared = {}


def timed(run, repeat):
    start = time.perf_counter()
    for _ in range(repeat):
        result = run()
    return (time.perf_counter() - start) / repeat, result


def fastest(make, kinds, arguments):
    """The job with the kind of attention that is faster: the least of three runs each, after one to warm up."""
    runs = {kind: make(models[kind], **arguments) for kind in kinds}
    if len(runs) == 1:
        return next(iter(runs.items()))
    least = {}
    for kind, run in runs.items():
        run()
        least[kind] = min(timed(run, 1)[0] for _ in range(3))
    best = min(least, key=least.get)
    return best, runs[best]


def prepare(name, arguments):
    key = json.dumps([name, arguments])
    if key not in prepared:
        make, kinds, _ = jobs[name]
        arguments = dict(arguments)
        asked = arguments.pop("attention", None)
        prepared[key] = fastest(make, (asked,) if asked else kinds, arguments) if kinds else (None, make(**arguments))
    return prepared[key]


def hello():
    return {
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "captum": captum.__version__,
            "transformers": transformers.__version__,
            "numpy": np.__version__,
        },
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "mkl": torch.backends.mkl.is_available(),
        "onednn": torch.backends.mkldnn.is_available(),
    }


def status():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"peakBytes": usage.ru_maxrss * unit, "cpuSeconds": usage.ru_utime + usage.ru_stime}


def answer(request):
    name = request.pop("job", None)
    if name == "hello":
        return hello()
    if name == "status":
        return status()
    if name not in jobs:
        raise ValueError(f"job: expected one of {', '.join(['hello', 'status', *jobs])}, got {name!r}")
    repeat, values = request.pop("repeat", 1), request.pop("values", False)
    attention, run = prepare(name, request)
    seconds, result = timed(run, repeat)
    reply = {"seconds": seconds, "attention": attention}
    if values:
        reply["values"] = (result if jobs[name][2] else ends_of(result)).flatten().tolist()
    return reply


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), file=answers, flush=True)
