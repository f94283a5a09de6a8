using Granary.Testing;
using Granary.Torch;
using Granary.Training.Loop;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Torch;

public sealed class FitTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Fit_OnThreads_HasTheBitsOfAnyOtherTraining(int workers)
    {
        var steps = new List<long>();
        using var fitted = await Fit.RunAsync<Gan>(spec => Small(spec) with { Steps = 6 }, workers, new Direct(at => steps.Add(at.Step)));
        using var driven = new Lockstep(LearnerTask.Of<Gan>(), Small(new() { Task = "gan" }) with { Steps = 6 }).Run(6);
        Assert.Equal(driven.Hash, fitted.WeightsHash);
        Assert.Equal(Enumerable.Range(1, 6).Select(step => (long)step), steps);
        Assert.Equal(driven.Metrics.ToDictionary(), fitted.Metrics);
        Assert.NotEmpty(fitted.Model.Draw(4, seed: 1));
        Assert.Equal(driven.Evaluate().ToDictionary(), fitted.Evaluate());

        var path = Path.Combine(folder.Path, "model.safetensors");
        fitted.Save(path);
        Assert.Contains(Training.Checkpoints.Safetensors.List(path), tensor => tensor.Name == "generator.input.weight");
    }

    [Fact]
    public async Task Fit_ThatIsCancelled_StopsAllItsWorkers()
    {
        using var cancel = new CancellationTokenSource();
        var seen = 0L;
        var fit = Fit.RunAsync<Gan>(spec => Small(spec) with { Steps = 1_000_000 }, workers: 2, new Direct(at =>
        {
            seen = at.Step;
            if (seen == 3)
            {
                cancel.Cancel();
            }
        }), cancel.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fit);
        Assert.InRange(seen, 3, 5);
    }

    [Fact]
    public async Task Fit_OfASettingThatThereIsNot_SaysSo()
    {
        var error = await Assert.ThrowsAsync<TaskSettingException>(() => Fit.RunAsync<Gan>(spec => spec with { Settings = new Dictionary<string, string> { ["hiden"] = "3" } }, workers: 2));
        Assert.Contains("no setting 'hiden'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fizzbuzz")]
    [InlineData("gan")]
    [InlineData("lm")]
    public void Evaluation_OnAnyNumberOfWorkers_GivesTheSameNumbers(string name)
    {
        var task = TaskCatalog.Of(typeof(Gan).Assembly)[name];
        var spec = new TrainingSpec { Task = name, Shards = 5, Settings = new Dictionary<string, string> { ["hidden"] = "16", ["batch"] = "32" } };
        spec = name == "lm" ? spec with { Settings = new Dictionary<string, string>(spec.Settings) { ["embedding"] = "16", ["valid-words"] = "900", ["words"] = "5000" } } : spec;
        var alone = Measured(1);
        Assert.NotEmpty(alone);
        Assert.Equal(alone, Measured(2));
        Assert.Equal(alone, Measured(5));

        Dictionary<string, double> Measured(int workers) => LocalWorkers.Run(workers, spec.Shards, (_, mine, exchange) =>
        {
            using var replica = task.CreateReplica(spec);
            return Evaluation.Run(replica, mine, spec.Shards, exchange).ToDictionary();
        })[0];
    }

    [Fact]
    public void Workers_OfWhichOneFails_FailWithItsReason()
    {
        var error = Assert.Throws<TrainingDataException>(() => LocalWorkers.Run(3, 3, (worker, mine, exchange) =>
            worker == 1 ? throw new TrainingDataException("No data here.") : Evaluation.Run(LearnerTask.Of<FizzBuzz>().CreateReplica(new() { Task = "fizzbuzz", Shards = 3 }), mine, 3, exchange)));
        Assert.Equal("No data here.", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => LocalWorkers.Run(4, 3, (worker, _, _) => worker));
    }

    private static TrainingSpec Small(TrainingSpec spec) => spec with { Shards = 3, Settings = new Dictionary<string, string> { ["hidden"] = "16", ["batch"] = "20" } };

    private sealed class Direct(Action<FitProgress> tell) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => tell(value);
    }
}
