#!/usr/bin/env python3
"""Writes tests/tasks/metric_goldens.json: metrics of random and degenerate data.

Labels and scores: scikit-learn and scipy. Answers: SQuAD's scoring rules, written down here from their
public definition (Rajpurkar et al. 2016, 2018: lower case, no punctuation, no articles, white space
fixed; F1 of the bags of words), run by Python, whose ideas of letters and blanks are part of the rules.
SHARED, the larger collection of test data, holds glue/ and models/: the GLUE dev sets, scored against
answers that anybody can work out (the length of the text), and what the trained models answer to SST-2.
EXCERPTS holds glue/ too, and bundled/: those archives of tests/data, unpacked.
usage: tools/make_metric_goldens.py SHARED EXCERPTS > tests/tasks/metric_goldens.json
(needs scikit-learn and scipy)
"""
import collections
import json
import math
import random
import re
import string
import sys
import warnings

import numpy
import scipy.stats
import sklearn.metrics as sk

warnings.filterwarnings('ignore')
rng = random.Random(7)


def number(v):
    v = float(v)
    return None if math.isnan(v) else v


def label_case(name, classes, gold, answered):
    f1 = sk.f1_score([g == 1 for g in gold], [a == 1 for a in answered], zero_division=0)
    return {'name': name, 'classes': classes, 'gold': gold, 'answered': answered,
            'accuracy': number(sk.accuracy_score(gold, answered)), 'f1': number(f1),
            'macro_f1': number(sk.f1_score(gold, answered, average='macro', zero_division=0)),
            'matthews': number(sk.matthews_corrcoef(gold, answered))}


def label_cases():
    cases = [label_case('one class, all right', 2, [1] * 9, [1] * 9),
             label_case('one class, all wrong', 2, [1] * 9, [0] * 9),
             label_case('one class, no positives', 2, [0] * 9, [0] * 9),
             label_case('constant answers 0', 2, [0, 1, 1, 0, 1], [0] * 5),
             label_case('constant answers 1', 2, [0, 1, 1, 0, 1], [1] * 5),
             label_case('one row', 2, [1], [1]),
             label_case('one row, wrong', 3, [2], [0]),
             label_case('all inverted', 2, [0, 1, 0, 1], [1, 0, 1, 0]),
             label_case('a class nobody has', 4, [0, 1, 3, 3], [0, 3, 3, 1])]
    for i in range(24):
        classes = rng.choice([2, 2, 2, 3, 3, 5])
        rows = rng.choice([2, 3, 10, 57, 300])
        skill = rng.random()
        weights = [rng.random() ** 3 + 1e-3 for _ in range(classes)]
        gold = rng.choices(range(classes), weights, k=rows)
        answered = [g if rng.random() < skill else rng.randrange(classes) for g in gold]
        cases.append(label_case(f'random {i}', classes, gold, answered))
    return cases


def set_case(name, labels, gold, answered):
    g, a = (numpy.array([[int(l in s) for l in range(labels)] for s in rows]) for rows in (gold, answered))
    f1 = lambda average: number(sk.f1_score(g, a, average=average, zero_division=0))
    precision, recall, by_label, _ = sk.precision_recall_fscore_support(g, a, average=None, zero_division=0)
    return {'name': name, 'labels': labels, 'gold': gold, 'answered': answered,
            'subset_accuracy': number(sk.accuracy_score(g, a)), 'hamming_loss': number(sk.hamming_loss(g, a)),
            'micro_f1': f1('micro'), 'macro_f1': f1('macro'), 'sample_f1': f1('samples'),
            'precision': list(precision), 'recall': list(recall), 'f1': list(by_label)}


def set_cases():
    own = random.Random(11)
    cases = [set_case('nobody has any', 3, [[]] * 4, [[]] * 4),
             set_case('none answered', 3, [[0], [1, 2], []], [[]] * 3),
             set_case('all answered', 3, [[0], [1, 2], []], [[0, 1, 2]] * 3),
             set_case('equal', 4, [[0, 3], [], [2]], [[0, 3], [], [2]]),
             set_case('a label nobody has', 4, [[0], [1], [0, 1]], [[0], [0, 1], [1]]),
             set_case('one row', 2, [[0, 1]], [[1]])]
    for i in range(20):
        labels, rows, skill = own.choice([2, 3, 6, 28]), own.choice([2, 9, 60, 200]), own.random()
        often = [own.random() ** 2 for _ in range(labels)]
        draw = lambda: [l for l in range(labels) if own.random() < often[l]]
        gold = [draw() for _ in range(rows)]
        answered = [g if own.random() < skill else draw() for g in gold]
        cases.append(set_case(f'random {i}', labels, gold, answered))
    return cases


def score_case(name, x, y):
    row = {'name': name, 'x': x, 'y': y, 'pearson': None, 'spearman': None}
    if len(x) >= 2:
        row['pearson'] = number(scipy.stats.pearsonr(x, y)[0])
        row['spearman'] = number(scipy.stats.spearmanr(x, y)[0])
    return row


def score_cases():
    cases = [score_case('constant x', [2.5] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 5.5]),
             score_case('constant y', [1.0, 2.0, 3.0], [0.1] * 3),
             score_case('both constant', [1.0] * 4, [1.0] * 4),
             score_case('two rows', [1.0, 2.0], [5.0, 3.0]),
             score_case('one row', [1.0], [2.0]),
             score_case('equal', [1.0, 2.0, 4.0], [1.0, 2.0, 4.0]),
             score_case('all ties but one', [1.0] * 7 + [2.0], [3.0] * 6 + [4.0, 4.0]),
             score_case('far from zero', [1e9 + v for v in (1.0, 2.0, 3.0, 5.0)], [2.0, 1.0, 4.0, 3.0])]
    for i in range(16):
        rows = rng.choice([2, 3, 8, 40, 150])
        x = [round(rng.gauss(2.5, 1.5), rng.choice([0, 1, 12])) for _ in range(rows)]
        y = [round(v * rng.uniform(-1, 1) + rng.gauss(0, 1), rng.choice([0, 12])) for v in x]
        cases.append(score_case(f'random {i}', x, y))
    return cases


def normal(text):
    text = ''.join(ch for ch in text.lower() if ch not in string.punctuation)
    return ' '.join(re.sub(r'\b(a|an|the)\b', ' ', text).split())


def overlap(gold, answer, version_2):
    gold, answer = normal(gold).split(), normal(answer).split()
    if version_2 and (not gold or not answer):
        return float(gold == answer)
    same = sum((collections.Counter(gold) & collections.Counter(answer)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(answer), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def answer_case(gold, answer, version_2):
    texts = [g for g in gold if normal(g)] or [''] if version_2 else gold
    return {'gold': gold, 'answer': answer, 'version_2': version_2,
            'exact': max((float(normal(g) == normal(answer)) for g in texts), default=0.0),
            'f1': max((overlap(g, answer, version_2) for g in texts), default=0.0)}


WORDS = ['the', 'a', 'an', 'The', 'A', 'cat', 'Cat', "cat's", 'U.S.', 'U.S', '1,000', '$5', 'caf\u00e9', 'CAF\u00c9',
         '\u00c9tat', '\u039f\u0394\u039f\u03a3', '\u039f\u0394\u039f\u03a3.', '\u0130zmir', 'STRASSE', 'Stra\u00dfe', '\u4e2d\u6587', '\u20ac5', 'a\u2013b',
         'a\u2019s', '\u2014a\u2014', '_a_', 'a_b', '\u00bd', 'a\u0301', 'x\u00a0y', 'x\u2003y', 'x\u200by', 'x\u3000y', '\u1e9e', '\u01c5', '\u212a', '-', '...',
         '\U0001f600', '\u0663', 'and', 'then', 'athe', '\u03a3', 'A\u03a3\u0301', '\u03a3a', "o'\u03a3", '\x1c', '\x85']


def answer_cases():
    texts = ['', 'the', '...', 'a an the', 'The cat.', 'cat', ' cat  sat ', 'a\u2013b', 'the\u2019the']
    cases = [answer_case([g], a, v) for g in texts for a in texts for v in (False, True)]
    cases += [answer_case([], a, v) for a in ('', 'x', 'the') for v in (False, True)]
    cases += [answer_case(['', 'the'], a, True) for a in ('', 'x')]
    for _ in range(260):
        def text():
            return rng.choice([' ', ' ', '  ', '\n', '']).join(rng.choices(WORDS, k=rng.randrange(0, 6)))
        gold = [text() for _ in range(rng.choice([1, 1, 2, 3]))]
        answer = text() if rng.random() < 0.6 else ' '.join(rng.choice(gold).lower().split()[:3])
        cases.append(answer_case(gold, answer, rng.random() < 0.5))
    return cases


def normal_cases():
    out = []
    for word in WORDS:
        for text in (word, word.upper(), 'a' + word, word + ' a', 'the ' + word + '\u03a3 x', '\u03a3' + word):
            out.append([text, normal(text)])
    # Every letter that str.lower changes, between two others.
    every = ''.join(chr(c) for c in range(0x80, 0x2000) if not 0xD800 <= c < 0xE000 and chr(c).lower() != chr(c))
    out.append([every, normal(every)])
    return out


def interval_cases():
    out = []
    for trials in (1, 2, 7, 100, 872, 5463, 40430, 1000000):
        for share in (0, 0.001, 0.1, 0.5, 0.88, 0.999, 1):
            for confidence in (0.95, 0.99):
                k, tail = round(share * trials), (1 - confidence) / 2
                low = 0.0 if k == 0 else scipy.stats.beta.ppf(tail, k, trials - k + 1)
                high = 1.0 if k == trials else scipy.stats.beta.ppf(1 - tail, k + 1, trials - k)
                out.append([k, trials, confidence, number(low), number(high)])
    return out


def beta_cases():
    values = (0.5, 1, 2.5, 10, 300, 20000)
    return [[a, b, x, number(scipy.stats.beta.cdf(x, a, b))] for a in values for b in values
            for x in (0.001, 0.2, 0.5, a / (a + b), 0.99)]


# Columns of the official files: text, pair or None, label; from 0. Names of the labels 0, 1, 2.
ENTAIL = ['entailment', 'not_entailment']
INFER = ['entailment', 'neutral', 'contradiction']
SETS = [('SST-2/dev.tsv', 1, 0, None, 1, ['0', '1']), ('CoLA/dev.tsv', 0, 3, None, 1, ['0', '1']),
        ('MRPC/dev.tsv', 1, 3, 4, 0, ['0', '1']), ('RTE/dev.tsv', 1, 1, 2, 3, ENTAIL),
        ('QNLI/dev.tsv', 1, 1, 2, 3, ENTAIL), ('QQP/dev.tsv', 1, 3, 4, 5, ['0', '1']),
        ('MNLI/dev_matched.tsv', 1, 8, 9, 15, INFER), ('MNLI/dev_mismatched.tsv', 1, 8, 9, 15, INFER),
        ('AdvGLUE/RTE/dev.tsv', 1, 1, 2, 3, ENTAIL), ('STS-B/dev.tsv', 1, 7, 8, 9, None)]


def glue_cases(root):
    for path, header, text, pair, label, names in SETS:
        with open(f'{root}/glue/{path}', 'rb') as f:
            rows = [line.rstrip(b'\r\n').split(b'\t') for line in f][header:]
        lengths = [len(row[text]) - (len(row[pair]) if pair else 0) for row in rows]
        gold = [row[label].decode() for row in rows]
        case = {'path': path, 'rows': len(rows)}
        if names:
            case.update(label_case('', len(names), [names.index(g) for g in gold], [n % len(names) for n in lengths]))
            for key in ('name', 'gold', 'answered'):
                del case[key]
        else:
            scores = [float(g) for g in gold]
            case['pearson'] = number(scipy.stats.pearsonr(lengths, scores)[0])
            case['spearman'] = number(scipy.stats.spearmanr(lengths, scores)[0])
        yield case


def model_cases():
    for name, where in (('sst2-slender', f'{sys.argv[1]}/models/sst2-slender'),
                        ('sst2-deebert', f'{sys.argv[1]}/models/sst2-deebert'), ('bundled', f'{sys.argv[2]}/bundled')):
        with open(f'{where}/dev_logits.jsonl') as f:
            rows = [json.loads(line) for line in f]
        gold = [row['label'] for row in rows]
        exits = []
        for e in range(len(rows[0]['logits'])):
            case = label_case('', 2, gold, [int(numpy.argmax(row['logits'][e])) for row in rows])
            exits.append({k: case[k] for k in ('accuracy', 'f1', 'macro_f1', 'matthews')})
        yield {'model': name, 'exits': exits}


def dump(key, rows, last=False):
    print(f' "{key}": [')
    print(',\n'.join('  ' + json.dumps(row) for row in rows))
    print(' ]' if last else ' ],')


print('{')
import sklearn
print(f' "made": "scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {numpy.__version__}",')
dump('labels', label_cases())
dump('sets', set_cases())
dump('scores', score_cases())
dump('answers', answer_cases())
dump('normal', normal_cases())
dump('intervals', interval_cases())
dump('beta', beta_cases())
dump('shared', list(glue_cases(sys.argv[1])))
dump('excerpts', list(glue_cases(sys.argv[2])))
dump('models', list(model_cases()), last=True)
print('}')
