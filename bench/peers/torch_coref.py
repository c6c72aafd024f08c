"""A coreference model in PyTorch as a peer: python torch_coref.py MODEL_FOLDER

The model of Xu and Choi 2020 with one scoring pass, in float32, with every first layer on whole concatenations, and its
training, written for this comparison. One request per line on stdin, one answer per line on stdout, both JSON:

    {"job": "hello"}                       versions, threads, processor
    {"job": "status"}                      peak resident memory in bytes
    {"job": "document", "pieces": …}       {"seconds": one run, "values": sums to compare}
    {"job": "loss", "pieces": …}           {"seconds": one run, "values": [loss]}, without dropout
    {"job": "update", "pieces": …}         {"seconds": one update, "values": []}: dropout, gradient of the marginal loss,
                                           both norms cut, AdamW for the encoder and Adam for the rest

Threads come from OMP_NUM_THREADS.
"""
import json
import os
import resource
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print must not mix with answers

import torch
import transformers
from safetensors.torch import load_file
from torch.nn.functional import dropout, embedding, linear, softmax
from transformers import BertConfig, BertModel

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
folder = sys.argv[1]
with open(os.path.join(folder, "config.json")) as file:
    fields = json.load(file)
settings = fields.pop("coref")
for name in ("torch_dtype", "architectures", "_name_or_path", "transformers_version", "model_type"):
    fields.pop(name, None)
weights = load_file(os.path.join(folder, "model.safetensors"))
encoder = BertModel(BertConfig(**fields), add_pooling_layer=False)
own = {name.removeprefix("bert."): x for name, x in weights.items() if name.startswith("bert.") and "pooler" not in name}
encoder.load_state_dict(own, strict=False)
head = {name: x.requires_grad_() for name, x in weights.items() if not name.startswith("bert.")}
encoder_optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-5, eps=1e-6, weight_decay=0.01)
head_optimizer = torch.optim.Adam(head.values(), lr=2e-4, eps=1e-6)


def dropped(x):
    return dropout(x, settings["dropout_rate"], training=encoder.training)


def scorer(name, x):
    hidden = dropped(torch.relu(linear(x, weights[f"{name}.0.weight"], weights[f"{name}.0.bias"])))
    return linear(hidden, weights[f"{name}.3.weight"], weights[f"{name}.3.bias"]).squeeze(-1)


def bucket(d):
    return torch.where(d <= 4, d.clamp(min=0), (d.clamp(min=1).float().log2().floor().long() + 3).clamp(max=9))


def table(name, index):
    return embedding(index, weights[f"{name}.weight"])


def candidates(sentences):
    n = len(sentences)
    starts = torch.arange(n)[:, None].expand(n, settings["max_span_width"])
    ends = starts + torch.arange(settings["max_span_width"])
    valid = (ends < n) & (sentences[starts] == sentences[ends.clamp(max=n - 1)])
    return starts[valid], ends[valid]


def kept(starts, ends, scores, count):
    """Ranks of spans that cross no better one."""
    chosen, latest, earliest = [], {}, {}
    starts, ends = starts.tolist(), ends.tolist()
    for i in torch.argsort(scores, descending=True, stable=True).tolist():
        if len(chosen) == count:
            break
        s, e = starts[i], ends[i]
        inside = range(s, e + 1)
        if any((t > s and latest.get(t, -1) > e) or (t < e and earliest.get(t, s) < s) for t in inside):
            continue
        chosen.append(i)
        latest[s] = max(e, latest.get(s, -1))
        earliest[e] = min(s, earliest.get(e, s))
    return torch.tensor(sorted(chosen, key=lambda i: (starts[i], ends[i])))


def scores(pieces):
    """Kept spans, their mention scores, ranks of their antecedents and final scores."""
    length = max(map(len, pieces["segments"]))
    ids = torch.tensor([row + [0] * (length - len(row)) for row in pieces["segments"]])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in pieces["segments"]])
    tokens = encoder(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()]
    sentences, speakers, segments = (torch.tensor(pieces[k]) for k in ("sentenceMap", "speakerIds", "segmentMap"))
    starts, ends = candidates(sentences)
    # span vectors, the heads by a softmax over all pieces of the document
    places = torch.arange(len(tokens))[None]
    inside = (places >= starts[:, None]) & (places <= ends[:, None])
    logits = linear(tokens, weights["mention_token_attn.weight"], weights["mention_token_attn.bias"]).squeeze(-1)
    heads = softmax(torch.log(inside.float()) + logits, -1) @ tokens
    vectors = torch.cat([tokens[starts], tokens[ends], dropped(table("emb_span_width", ends - starts)), heads], -1)
    widths = scorer("span_width_score_ffnn", weights["emb_span_width_prior.weight"])
    mentions = scorer("span_emb_score_ffnn", vectors) + widths[ends - starts]
    count = int(min(settings["max_num_extracted_spans"], settings["top_span_ratio"] * len(tokens)))
    chosen = kept(starts, ends, mentions.detach(), count)
    starts, ends, vectors, mentions = starts[chosen], ends[chosen], vectors[chosen], mentions[chosen]
    # coarse scores and antecedents
    k = len(chosen)
    ranks = torch.arange(k)
    offsets = ranks[:, None] - ranks[None]
    source = linear(vectors, weights["coarse_bilinear.weight"], weights["coarse_bilinear.bias"])
    prior = linear(
        weights["emb_antecedent_distance_prior.weight"],
        weights["antecedent_distance_score_ffnn.weight"],
        weights["antecedent_distance_score_ffnn.bias"],
    ).squeeze(-1)
    coarse = mentions[:, None] + mentions[None] + dropped(source) @ dropped(vectors).T + prior[bucket(offsets)]
    coarse = coarse + torch.log((offsets >= 1).float())
    best, antecedents = coarse.topk(min(k, settings["max_top_antecedents"]), -1)
    offsets = offsets.gather(1, antecedents)
    # fine scores on whole concatenations
    same = (speakers[starts][:, None] == speakers[starts][antecedents]).long()
    genre = torch.full_like(antecedents, pieces["genre"])
    apart = (segments[starts][:, None] - segments[starts][antecedents]).clamp(0, settings["max_training_sentences"] - 1)
    features = [
        table("emb_same_speaker", same),
        table("emb_genre", genre),
        table("emb_segment_distance", apart),
        table("emb_top_antecedent_distance", bucket(offsets)),
    ]
    others = vectors[antecedents]
    target = vectors[:, None].expand_as(others)
    total = best + scorer("coref_score_ffnn", torch.cat([target, others, target * others, *map(dropped, features)], -1))
    final = torch.cat([torch.zeros(k, 1), total], -1)
    return starts, ends, mentions, antecedents, final


@torch.no_grad()
def document(pieces):
    encoder.eval()
    _, _, mentions, _, final = scores(pieces)
    return [len(mentions), mentions.sum().item(), final.max(-1).values.sum().item(), (final.argmax(-1) > 0).sum().item()]


def loss_of(pieces):
    """The negative log of the probability that all gold antecedents have together."""
    starts, ends, _, antecedents, final = scores(pieces)
    numbers = {tuple(span): n for n, spans in enumerate(pieces["clusters"], 1) for span in spans}
    gold = torch.tensor([numbers.get((s, e + 1), 0) for s, e in zip(starts.tolist(), ends.tolist())])
    # an antecedent that does not come before its span has the score −∞
    same = (gold[:, None] == gold[antecedents]) & (gold[:, None] > 0) & torch.isfinite(final[:, 1:])
    labels = torch.cat([~same.any(-1, keepdim=True), same], -1)
    return (final.logsumexp(-1) - final.masked_fill(~labels, -torch.inf).logsumexp(-1)).sum()


@torch.no_grad()
def loss(pieces):
    encoder.eval()
    return [loss_of(pieces).item()]


def update(pieces):
    encoder.train()
    for optimizer in (encoder_optimizer, head_optimizer):
        optimizer.zero_grad()
    loss_of(pieces).backward()
    torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1)
    torch.nn.utils.clip_grad_norm_(head.values(), 1)
    for optimizer in (encoder_optimizer, head_optimizer):
        optimizer.step()
    return []


jobs = {"document": document, "loss": loss, "update": update}


def answer(request):
    job = request["job"]
    if job == "hello":
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        config = torch.__config__.show()
        return {
            "versions": versions,
            "threads": torch.get_num_threads(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "mkl": torch.backends.mkl.is_available(),
            "onednn": "USE_MKLDNN=1" in config,
        }
    if job == "status":
        return {"peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if job not in jobs:
        raise ValueError(f"expected hello, status or one of {', '.join(jobs)}, got {job}")
    start = time.perf_counter()
    values = jobs[job](request["pieces"])
    return {"seconds": time.perf_counter() - start, "values": values}


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:  # whatever it is, the other side waits for an answer
        result = {"error": f"{type(error).__name__}: {error}"}
    answers.write(json.dumps(result) + "\n")
    answers.flush()
