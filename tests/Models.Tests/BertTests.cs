using Granary.Testing;
using Granary.Torch;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public sealed class BertTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("tokens=pieces")]
    [InlineData("tokens=characters")]
    public void Training_OnWordsInTheirOrder_FillsGaps(string tokens)
    {
        var text = Path.Combine(folder.Path, "text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Repeat("one two three four five ", 80)));
        var spec = Spec(tokens, "layers=1", "width=32", "context=16", "batch=32", "warm-up=20", "learning-rate=0.002", "vocabulary=60") with { Data = text, Steps = 800, Shards = 1 };
        using var driver = new Lockstep(LearnerTask.Of<Bert>(), spec).Run(800);
        var accuracy = driver.Metrics["validation.accuracy"];
        Assert.True(accuracy > 0.9, $"accuracy {accuracy}");
        var live = Lockstep.LiveTensors;
        var predictor = (IPredictor)driver.Replica.Model;
        string[] gaps = tokens == "tokens=pieces" ? ["two [MASK] four five [MASK] two three", "[MASK] two three four five one"] : ["t[MASK]ree fo[MASK]r five", "[MASK]wo three four"];
        string[] filled = tokens == "tokens=pieces" ? ["two three four five one two three", "one two three four five one"] : ["three four five", "two three four"];
        var answers = predictor.Predict(gaps);
        Assert.Equal(filled, answers.Select(answer => answer.Answer));
        Assert.Equal(tokens == "tokens=pieces" ? "three" : "h", answers[0].Choices[0].Label);
        Assert.InRange(answers[0].Choices.Sum(choice => choice.Probability), 0.5, 1.0001);
        Assert.Equal(live, Lockstep.LiveTensors);
    }

    [Fact]
    public void Input_WithoutAGapOrTooLong_IsRefused()
    {
        using var driver = new Lockstep(LearnerTask.Of<Bert>(), Spec("tokens=characters", "layers=1", "width=8", "context=8"));
        var predictor = (IPredictor)driver.Replica.Model;
        Assert.Contains("[MASK]", Assert.Throws<UnanswerableInputException>(() => predictor.Predict(["ba mati"])).Message, StringComparison.Ordinal);
        Assert.Contains("9 tokens; the model sees 8", Assert.Throws<UnanswerableInputException>(() => predictor.Predict(["ba mati [MASK]"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Vocabulary_OfAFile_IsTakenAsItIs()
    {
        var vocabulary = Path.Combine(folder.Path, "vocab.txt");
        File.WriteAllText(vocabulary, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nba\nno\n##n\n");
        using var driver = new Lockstep(LearnerTask.Of<Bert>(), Spec("tokens=pieces", "layers=1", "width=8", $"vocabulary-file={vocabulary}"));
        Assert.Equal([8, 8], driver.Replica.State.Tensors.Single(tensor => tensor.Name == "wte.weight").Shape);
        Assert.Throws<TaskSettingException>(() => LearnerTask.Of<Bert>().CreateReplica(Spec("tokens=characters", $"vocabulary-file={vocabulary}")));
    }

    [Fact]
    public void Tokens_AreHiddenAsOftenAsTheyShall()
    {
        using var driver = new Lockstep(LearnerTask.Of<Bert>(), Spec("tokens=characters", "layers=1", "width=8", "hidden=0.3") with { Shards = 1 }).Run(1);
        Assert.InRange(driver.Metrics["samples"], 16 * 64 * 0.25, 16 * 64 * 0.35);
    }

    private static TrainingSpec Spec(params string[] settings) =>
        new() { Task = "bert", Shards = 2, Settings = settings.Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) };
}
