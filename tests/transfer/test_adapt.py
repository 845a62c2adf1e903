"""Nets are fitted to other grids: what they computed is kept where it can be, and what cannot be done is refused."""

import numpy as np
import pytest
import torch
from quick import quick
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from autoarch import AutoArchClassifier
from autoarch._training.conv_net import ConvNet
from autoarch._training.pretrained.adapt import adapt, random_twin, sizings
from autoarch._training.pretrained.source import Pretrained
from autoarch.exceptions import InputError, InputTypeError


def user_net(channels=3, flatten=False, end=()):
    """A net as users bring one; with ``flatten`` it takes grids of 32 x 32 alone."""
    body = [nn.Conv2d(channels, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()]
    pool = (
        [nn.Flatten(), nn.Linear(6 * 32 * 32, 5)]
        if flatten
        else [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)]
    )
    return nn.Sequential(*body, *pool, *end).eval()


POOL = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
LANES = ConvNet((1, 8, 8), 2, kernel=(1, 7), axis_as_channels=True)


def grids(n, channels, side, seed=0):
    return torch.randn(n, channels, side, side, generator=torch.Generator().manual_seed(seed))


def test_summed_channels_do_for_grey_what_the_net_did_for_equal_channels():
    """The same function, to the precision of the sums."""
    net, grey = user_net(3), grids(4, 1, 12)

    adapted = adapt(Pretrained(net), (1, 12, 12), 5)

    with torch.no_grad():
        np.testing.assert_allclose(adapted(grey), net(grey.repeat(1, 3, 1, 1)), atol=1e-5)
    assert adapted.changes == ("kernels of the first convolution for 3 channels were summed for 1",)


@pytest.mark.parametrize("channels", [2, 3, 7])
def test_repeated_channels_do_for_equal_channels_what_the_net_did_for_one(channels):
    """However many there are."""
    net, grey = user_net(1), grids(4, 1, 12)

    adapted = adapt(Pretrained(net), (channels, 12, 12), 5, channels="repeat")

    with torch.no_grad():
        np.testing.assert_allclose(adapted(grey.repeat(1, channels, 1, 1)), net(grey), atol=1e-5)


def test_extra_channels_are_zero_initialised():
    """A mask that the net has never seen changes nothing at first."""
    net, cells = user_net(3), grids(4, 3, 12)

    adapted = adapt(Pretrained(net), (4, 12, 12), 5, n_cells=3)

    with torch.no_grad():
        np.testing.assert_allclose(adapted(torch.cat([cells, torch.ones(4, 1, 12, 12)], 1)), net(cells), atol=1e-5)


def test_nothing_is_changed_where_nothing_differs(digit_net):
    """The same outputs, no change to report, and the source itself is left alone."""
    before = digit_net.digest
    adapted = adapt(digit_net, (1, 8, 8), 10)

    with torch.no_grad():
        np.testing.assert_array_equal(adapted(grids(3, 1, 8)), digit_net.module(grids(3, 1, 8)))
    assert adapted.changes == ()  # not even a new last layer
    random_twin(adapted)
    assert digit_net.digest == before


@pytest.mark.parametrize(
    ("source", "shape", "expected"),
    [
        pytest.param(lambda: Pretrained(user_net()), (3, 9, 20), {"native"}, id="any-sides"),
        pytest.param(lambda: Pretrained(user_net(flatten=True)), (3, 9, 9), {"resize"}, id="one-size-found"),
        pytest.param(lambda: Pretrained(user_net(), (3, 12, 12)), (3, 9, 9), {"native", "resize", "pad"}, id="smaller"),
        pytest.param(lambda: Pretrained(user_net(), (3, 12, 12)), (3, 20, 9), {"native", "resize"}, id="larger"),
        pytest.param(lambda: Pretrained.of(LANES), (1, 5, 8), {"resize", "pad"}, id="lines-are-channels"),
    ],
)
def test_other_sides_are_taken_as_they_are_resized_or_padded(source, shape, expected):
    """Whatever the architecture allows, found by trying."""
    source = source()
    assert set(sizings(source, shape)) == expected
    for way in expected:
        adapted = adapt(source, shape, 3, sizing=way)
        assert adapted(torch.zeros(2, *shape)).shape == (2, 3)
        assert any("new last layer" in change for change in adapted.changes)


def test_a_softmax_at_the_end_is_taken_off():
    """Losses want logits; the change is reported."""
    adapted = adapt(Pretrained(user_net(end=[nn.Softmax(1)])), (3, 12, 12), 5)

    with torch.no_grad():
        assert not torch.allclose(adapted(grids(2, 3, 12)).sum(1), torch.ones(2))
    assert adapted.changes == ("the softmax at its end was taken off",)


def test_a_sigmoid_at_the_end_is_taken_off():
    """Of a net of one logit."""
    adapted = adapt(Pretrained(user_net(end=[nn.Sigmoid()])), (3, 12, 12), 5)
    assert adapted.changes == ("the sigmoid at its end was taken off",)


class Probabilities(nn.Module):
    """A net whose forward method ends in a softmax."""

    def __init__(self, channels=3):
        super().__init__()
        self.net = user_net(channels)

    def forward(self, x):
        return self.net(x).softmax(1)


class Sigmoids(Probabilities):
    """A net whose forward method ends in a sigmoid."""

    def forward(self, x):
        return self.net(x).sigmoid()


class LogProbabilities(Probabilities):
    """A net whose forward method ends in a logarithm of a softmax, which is as good as logits."""

    def forward(self, x):
        return self.net(x).log_softmax(1)


class Two(Probabilities):
    """A net with two outputs."""

    def forward(self, x):
        return self.net(x), x


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        pytest.param([nn.Flatten(), nn.Linear(64, 2)], "no 2-D convolution", id="dense"),
        pytest.param([nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 6), nn.Flatten()], "is a Conv2d", id="no-head"),
        pytest.param(
            [nn.Linear(8, 8), nn.Conv2d(1, 1, 8), nn.Flatten(), nn.Linear(1, 2)], "expected Conv2d", id="stem"
        ),
        pytest.param([nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(7, 2)], "squares of", id="sides"),
        pytest.param([Probabilities(1)], "expected logits", id="softmax"),
        pytest.param([Sigmoids(1)], "expected logits", id="sigmoid"),
        pytest.param([Two(1)], "returned tuple", id="two-outputs"),
        pytest.param([nn.Conv2d(4, 4, 3, groups=4), *POOL, nn.Linear(4, 2)], "all at once", id="groups"),
    ],
)
def test_what_cannot_be_adapted_is_refused(layers, message):
    """The message says which part is in the way."""
    with pytest.raises(InputError, match=message) as caught:
        adapt(Pretrained(nn.Sequential(*layers)), (1, 8, 8), 2)
    assert ("squares of" in str(caught.value)) is (message == "squares of")  # other sides help nothing else


def test_logarithms_of_probabilities_are_logits():
    """They differ by a number that is the same for all classes."""
    assert adapt(Pretrained(LogProbabilities()), (3, 12, 12), 5).changes == ()


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        pytest.param(lambda: 3, InputTypeError, "a int was given", id="number"),
        pytest.param(AutoArchClassifier, InputError, "that was fitted", id="not-fitted"),
        pytest.param(lambda: "there-is-none.pt", InputError, "no file", id="no-file"),
        pytest.param(lambda: nn.Sequential(nn.LazyConv2d(2, 3)), InputError, "run it once", id="lazy"),
        pytest.param(
            lambda: torch.jit.trace(user_net(), torch.zeros(2, 3, 9, 9)), InputError, "was made of", id="scripted"
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch's, of scripted and lazy modules
def test_what_holds_no_net_is_refused(model, error, message):
    """By name, at once."""
    with pytest.raises(error, match=message):
        Pretrained.of(model())


def test_an_estimator_behind_other_steps_is_to_be_passed_alone(seven):
    """The rows that it saw are not those of the pipeline."""
    with pytest.raises(InputError, match=r"pipe\[-1\]"):
        Pretrained.of(Pipeline([("scale", StandardScaler()), ("model", seven)]))


def test_a_net_is_read_with_all_that_its_pipeline_knows(digit_net):
    """Scale, labels, shape, layout."""
    assert repr(digit_net) == "Pretrained(ConvNet, 1 x 8 x 8 cells, 10 classes)"
    assert digit_net.mean.shape == (1, 1, 1)
    assert digit_net.layout.shape == (1, 8, 8)


def test_masks_are_cut_from_a_net_that_saw_missing_cells(digits):
    """Without the mask's channel it does what it did for rows that are whole."""
    X, y = digits[0][:100].astype(np.float32), digits[1][:100]
    holes = X.copy()
    holes[::7, 0, 3] = np.nan
    clf = AutoArchClassifier(**quick(device="cpu")).fit(holes, y)
    pipeline = clf.best_estimator_
    inputs = torch.from_numpy(pipeline[1].transform(pipeline[0].transform(X)))

    source = Pretrained.of(clf)

    assert inputs.shape[1] == 2 and source.input_shape == (1, 8, 8)
    with torch.no_grad():
        np.testing.assert_allclose(source.module(inputs[:, :1]), pipeline[-1].module_.eval()(inputs), atol=1e-4)
