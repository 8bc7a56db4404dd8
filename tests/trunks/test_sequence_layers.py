"""Encoders of sequences against references, each row by itself."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_mtl.testing._trunk import TrunkCase, gather, network, represent
from sklearn_mtl.trunks import SequenceEncoder, StemOutput
from sklearn_mtl.utils._random import Streams

ENCODERS = ["recurrent", "convolutional", "transformer"]
SMALL = {"hidden_size": 8, "embedding_size": 5, "character_size": 3}
SENTENCES = ["Play some jazz", "play", "a table for two people", "some rain ?"]
LENGTHS = [3, 1, 5, 3]
RNG = np.random.default_rng(0)
STEPS = [RNG.normal(5, 3, size=(length, 2)) for length in LENGTHS]


def built(trunk, X=SENTENCES):
    fitted, inputs = TrunkCase(trunk, X).fitted()
    return fitted, network(fitted, Streams(0)), gather(inputs, slice(None))


def body_and_inputs(**params):
    """Return a body in double precision, and random steps with their mask, 0 in padding."""
    fitted, (_, body), _ = built(SequenceEncoder(**{**SMALL, **params}), STEPS)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    x = torch.randn(*mask.shape, 2, generator=Streams(0).generator("x"), dtype=torch.float64) * mask[..., None]
    return fitted, body, StemOutput(x, 1, mask)


def rows_alone(steps):
    return [steps.values[i : i + 1, :length] for i, length in enumerate(LENGTHS)]


def assert_tokens(result, expected):
    for i, tokens in enumerate(expected):
        torch.testing.assert_close(result.token[i : i + 1, : tokens.shape[1]], tokens)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_recurrent_encoder_is_a_bidirectional_lstm(n_layers):
    _, body, steps = body_and_inputs(n_layers=n_layers)
    reference = nn.LSTM(2, 4, num_layers=n_layers, bidirectional=True, batch_first=True).double()
    with torch.no_grad():
        for number, layer in enumerate(body.layers[::2]):  # dropout is between them
            for direction, memory in (("", layer.forwards), ("_reverse", layer.backwards)):
                for name, weight in memory.named_parameters():
                    getattr(reference, name.replace("l0", f"l{number}{direction}")).copy_(weight)
    assert_tokens(body(steps), [reference(row)[0] for row in rows_alone(steps)])


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_convolutional_encoder_is_a_convolution_with_shortcuts(kernel_size):
    _, body, steps = body_and_inputs(encoder="convolutional", n_layers=2, kernel_size=kernel_size)

    def convolve(x, linear):
        weight = linear.weight.unflatten(-1, (kernel_size, -1)).permute(0, 2, 1)
        return nn.functional.conv1d(x.mT, weight, linear.bias, padding=kernel_size // 2).mT.relu()

    expected = []
    for row in rows_alone(steps):
        first = convolve(row, body.layers[0].linear)
        expected.append(first + convolve(first, body.layers[1].linear))
    assert_tokens(body(steps), expected)


def test_transformer_encoder_is_that_of_torch():
    _, body, steps = body_and_inputs(encoder="transformer", n_layers=1, n_heads=2)
    projection, block, norm = body.layers
    reference = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, norm_first=True).double()
    pairs = [
        (reference.norm1, block.before_attention), (reference.self_attn.out_proj, block.merge),
        (reference.norm2, block.before_hidden), (reference.linear1, block.hidden), (reference.linear2, block.out),
    ]  # fmt: skip
    with torch.no_grad():
        for theirs, ours in pairs:
            theirs.load_state_dict(ours.state_dict())
        reference.self_attn.in_proj_weight.copy_(block.queries_keys_values.weight)
        reference.self_attn.in_proj_bias.copy_(block.queries_keys_values.bias)
    expected = []
    for row in rows_alone(steps):
        position, wave = np.meshgrid(np.arange(row.shape[1]), 10_000.0 ** (-np.arange(4) / 4), indexing="ij")
        waves = np.hstack([np.sin(position * wave), np.cos(position * wave)])
        x = projection.norm(row @ projection.linear.weight.T + projection.linear.bias) + torch.from_numpy(waves)
        expected.append(nn.functional.layer_norm(reference(x), (8,), norm.weight, norm.bias))
    assert_tokens(body(steps), expected)


def pooled(how):
    _, body, steps = body_and_inputs(encoder="convolutional", pooling=how)
    return body, body(steps)


@pytest.mark.parametrize(("how", "reduce"), [("max", torch.amax), ("mean", torch.mean)])
def test_rows_are_pooled_over_the_steps_that_are_there(how, reduce):
    _, result = pooled(how)
    expected = [reduce(result.token[i, :length], dim=0) for i, length in enumerate(LENGTHS)]
    torch.testing.assert_close(result.sample, torch.stack(expected))


def test_attention_averages_with_learned_weights():
    body, result = pooled("attention")
    for i, length in enumerate(LENGTHS):
        tokens = result.token[i, :length]
        weights = body.pooling.score(tokens).softmax(dim=0)
        torch.testing.assert_close(result.sample[i], (weights * tokens).sum(dim=0))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_more_padding_changes_nothing(encoder):
    _, body, steps = body_and_inputs(encoder=encoder, n_layers=2)
    longer = StemOutput(nn.functional.pad(steps.values, (0, 0, 0, 4)), 1, nn.functional.pad(steps.mask, (0, 4)))
    result, padded = body(steps), body(longer)
    torch.testing.assert_close(padded.sample, result.sample)
    torch.testing.assert_close(padded.token[:, : max(LENGTHS)], result.token)
    assert not padded.token[~padded.token_mask].any()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_token_knows_of_its_neighbours_and_the_order(encoder):
    _, modules, inputs = built(SequenceEncoder(encoder, **SMALL), ["a b c", "a c c", "b a c"])
    tokens = represent(modules, inputs).token
    assert not torch.allclose(tokens[0, 0], tokens[1, 0])
    assert not torch.allclose(tokens[0, :2].amax(dim=0), tokens[2, :2].amax(dim=0))
