using Granary.Testing;
using Granary.Torch.Runtime;
using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public class LanguageModelTests
{
    private static readonly TrainingSpec small = Spec("embedding=32", "hidden=32", "batch=9", "bptt=8", "words=5000", "valid-words=500");

    [Theory]
    [InlineData("tied=false")]
    [InlineData("tied=true")]
    public void Training_OnTheMadeUpLanguage_LearnsFarMoreThanHowOftenWordsAreUsed(string setting)
    {
        var spec = Spec(setting, "embedding=48", "hidden=48", "layers=1", "dropout=0", "batch=32", "bptt=16", "learning-rate=0.02", "valid-words=3000", "validate-every=125");
        using var driver = new Lockstep(LearnerTask.Of<LanguageModel>(), spec).Run(250);
        var perplexity = driver.Metrics["validation.perplexity"];
        Assert.True(perplexity < 40, $"perplexity {perplexity}; 950 words drawn blindly, with their frequencies known, give 184");
    }

    [Fact]
    public void Training_LeavesNoTensorsBehind()
    {
        using var driver = new Lockstep(LearnerTask.Of<LanguageModel>(), Set(small, "validate-every=5")).Run(5);
        var live = Lockstep.LiveTensors;
        driver.Run(15);
        Assert.Equal(live, Lockstep.LiveTensors);
    }

    [Theory]
    [InlineData("cell=lstm")]
    [InlineData("cell=gru")]
    [InlineData("cell=rnn")]
    [InlineData("tied=true")]
    [InlineData("batch=3")]
    [InlineData("optimizer=adamw", "weight-decay=0.1")]
    [InlineData("optimizer=sgd", "momentum=0.9", "learning-rate=0.1")]
    [InlineData("autocast=bf16-emulated", "cell=gru")]
    public void Workers_WithUnevenShards_EqualOneWorker(params string[] settings)
    {
        // Nine rows, or three, in five shards; two validations.
        var spec = Set(small, [.. settings, "validate-every=3"]);
        using var one = new Lockstep(LearnerTask.Of<LanguageModel>(), spec).Run(6);
        using var two = new Lockstep(LearnerTask.Of<LanguageModel>(), spec, workers: 2).Run(6);
        using var three = new Lockstep(LearnerTask.Of<LanguageModel>(), spec, workers: 3).Run(6);
        Assert.Equal(one.Hash, two.Hash);
        Assert.Equal(one.Hash, three.Hash);
        Assert.Equal(one.Metrics["validation.loss"], three.Metrics["validation.loss"]);
    }

    [Fact]
    public void Training_StoppedSavedAndResumed_EqualsNeverStopped()
    {
        // An epoch has 70 steps: the first half ends within the second.
        using var whole = new Lockstep(LearnerTask.Of<LanguageModel>(), small).Run(76);
        using var first = new Lockstep(LearnerTask.Of<LanguageModel>(), small).Run(73);
        using var second = new Lockstep(LearnerTask.Of<LanguageModel>(), small) { Step = 73 };
        foreach (var (from, to) in first.Replica.State.Tensors.Zip(second.Replica.State.Tensors))
        {
            from.Values.CopyTo(to.Values);
        }
        foreach (var (name, value) in first.Replica.State.Scalars)
        {
            second.Replica.State.Scalars[name] = value;
        }
        Assert.Equal(whole.Hash, second.Run(3).Hash);
    }

    [Fact]
    public void HiddenState_IsCarriedFromStepToStepAndForgottenWithTheEpoch()
    {
        var spec = Set(small, "words=300", "learning-rate=0");
        using var carried = new Lockstep(LearnerTask.Of<LanguageModel>(), spec);
        using var forgotten = new Lockstep(LearnerTask.Of<LanguageModel>(), spec) { Step = 1 };
        Assert.Equal(4, carried.Replica.StepsPerEpoch);
        carried.Run(2);
        forgotten.Run(1);
        Assert.NotEqual(carried.Metrics["loss"], forgotten.Metrics["loss"]);

        carried.Run(3);
        using var afresh = new Lockstep(LearnerTask.Of<LanguageModel>(), spec) { Step = 4 };
        Assert.Equal(carried.Metrics["loss"], afresh.Run(1).Metrics["loss"]);
    }

    [Fact]
    public void Epoch_EndsWithAShorterWindow()
    {
        // 33 words in each of nine rows: four windows of eight predict 32. One word less leaves seven to the last.
        using var full = new Lockstep(LearnerTask.Of<LanguageModel>(), Set(small, "words=297")).Run(4);
        using var shorter = new Lockstep(LearnerTask.Of<LanguageModel>(), Set(small, "words=296")).Run(4);
        Assert.Equal(72, full.Metrics["samples"]);
        Assert.Equal(63, shorter.Metrics["samples"]);
    }

    [Fact]
    public void Validation_WithoutImprovement_HalvesTheLearningRate()
    {
        using var driver = new Lockstep(LearnerTask.Of<LanguageModel>(), Set(small, "validate-every=2", "learning-rate=1e-30"));
        driver.Run(4);
        Assert.Equal(1e-30, driver.Metrics["learning.rate"]);
        driver.Run(1);
        Assert.Equal(0.5e-30, driver.Metrics["learning.rate"]);
        driver.Run(1);
        Assert.Equal(Math.Exp(driver.Metrics["validation.loss"]), driver.Metrics["validation.perplexity"]);
    }

    [Fact]
    public void Evaluate_InOneProcess_AgreesWithTheValidationOfAllShards()
    {
        using var driver = new Lockstep(LearnerTask.Of<LanguageModel>(), Set(small, "validate-every=2")).Run(2);
        var evaluated = driver.Evaluate();
        Assert.Equal(driver.Metrics["validation.loss"], evaluated["validation.loss"], tolerance: 1e-5);
        Assert.True(evaluated["test.perplexity"] > 1);
    }

    [Fact]
    public void Settings_TiedWithUnequalSizes_AreRefused()
    {
        var error = Assert.Throws<TaskSettingException>(() => LearnerTask.Of<LanguageModel>().CreateReplica(Set(small, "tied=true", "hidden=16")));
        Assert.Contains("32 and 16", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("optimizer=adam", "adam.mean adam.variance carry")]
    [InlineData("optimizer=adamw", "adam.mean adam.variance carry")]
    [InlineData("optimizer=sgd", "carry")]
    [InlineData("momentum=0.9", "sgd.velocity carry")]
    public void State_HoldsWhatTheOptimizerRemembers(string setting, string expected)
    {
        using var replica = LearnerTask.Of<LanguageModel>().CreateReplica(Set(small, "optimizer=sgd", setting));
        Assert.Equal(expected, string.Join(' ', replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Training).Select(tensor => tensor.Name)));
    }

    [Fact]
    public void Training_InBFloat16_LearnsNearlyAsWithoutButOtherBits()
    {
        using var exact = new Lockstep(LearnerTask.Of<LanguageModel>(), Set(small, "cell=gru")).Run(20);
        using var rounded = new Lockstep(LearnerTask.Of<LanguageModel>(), Set(small, "cell=gru", "autocast=bf16-emulated")).Run(20);
        Assert.NotEqual(exact.Hash, rounded.Hash);
        Assert.Equal(exact.Metrics["loss"], rounded.Metrics["loss"], tolerance: 0.05);
    }

    [Fact]
    public void BFloat16_WithAnLstmOnAProcessorWithoutIt_IsRefused()
    {
        if (Autocast.IsNative)
        {
            return;
        }
        var error = Assert.Throws<TaskSettingException>(() => LearnerTask.Of<LanguageModel>().CreateReplica(Set(small, "autocast=bf16-emulated")));
        Assert.Contains("lacks AVX-512", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BFloat16_IsRefusedWhereItWouldBeSlower_WithTheFigures()
    {
        if (Autocast.IsFast)
        {
            Assert.True(Autocast.Resolve(Autocast.BFloat16));
            return;
        }
        var error = Assert.Throws<TaskSettingException>(() => Autocast.Resolve(Autocast.BFloat16));
        Assert.Contains("260 ms instead of 160", error.Message, StringComparison.Ordinal);
        Assert.Contains(Autocast.Emulated, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_HasTheNamesOfAStateDict()
    {
        using var replica = LearnerTask.Of<LanguageModel>().CreateReplica(Set(small, "tied=true"));
        var names = replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model).Select(tensor => tensor.Name).Order(StringComparer.Ordinal);
        Assert.Equal(
        [
            "decoder.bias", "decoder.weight", "encoder.weight",
            "rnn.0.bias_hh_l0", "rnn.0.bias_ih_l0", "rnn.0.weight_hh_l0", "rnn.0.weight_ih_l0",
            "rnn.1.bias_hh_l0", "rnn.1.bias_ih_l0", "rnn.1.weight_hh_l0", "rnn.1.weight_ih_l0",
        ], names);
    }

    [Fact]
    public void Text_TooShortForTheBatch_IsRefused()
    {
        var error = Assert.Throws<TrainingDataException>(() => LearnerTask.Of<LanguageModel>().CreateReplica(Set(small, "batch=300")));
        Assert.Contains("300 rows need 600", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Generate_WithOneSeed_WritesOneText()
    {
        using var driver = new Lockstep(LearnerTask.Of<LanguageModel>(), small).Run(2);
        var live = Lockstep.LiveTensors;
        var generator = (ITextGenerator)driver.Replica.Model;
        var text = generator.Generate("ba mati", 20, seed: 7);
        Assert.StartsWith("ba mati", text, StringComparison.Ordinal);
        Assert.DoesNotContain("<", text, StringComparison.Ordinal);
        Assert.Equal(text, generator.Generate("ba mati", 20, seed: 7));
        Assert.NotEqual(text, generator.Generate("ba mati", 20, seed: 8));
        Assert.NotEqual("", generator.Generate(null, 20, seed: 7));
        Assert.Equal(live, Lockstep.LiveTensors);
    }

    private static TrainingSpec Spec(params string[] settings) => Set(new() { Task = "lm", Shards = 5 }, settings);

    private static TrainingSpec Set(TrainingSpec spec, params string[] settings) => spec with
    {
        Settings = settings.Select(setting => setting.Split('=')).Aggregate(
            new Dictionary<string, string>(spec.Settings),
            (all, pair) => { all[pair[0]] = pair[1]; return all; }),
    };
}
