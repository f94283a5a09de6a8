using Granary.Testing;
using Granary.Torch.Runtime;
using Granary.Training.Loop;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

/// <summary>What every task promises, besides that it learns. A new task is one more spec here.</summary>
public class TaskPromisesTests
{
    private static readonly TaskCatalog catalog = TaskCatalog.Of(typeof(TwoLayer).Assembly);

    // Small settings, and five shards: no number of workers divides them evenly.
    private static readonly Dictionary<string, TrainingSpec> specs = new TrainingSpec[]
    {
        new() { Task = "two-layer", Shards = 5 },
        new() { Task = "fizzbuzz", Shards = 5, Settings = new Dictionary<string, string> { ["hidden"] = "50", ["batch"] = "101" } },
        new() { Task = "gan", Shards = 5, Settings = new Dictionary<string, string> { ["hidden"] = "32", ["batch"] = "48" } },
        new() { Task = "word2vec", Shards = 5, Settings = new Dictionary<string, string> { ["dimension"] = "20", ["batch"] = "2000" } },
        new() { Task = "lm", Shards = 5, Settings = new Dictionary<string, string> { ["batch"] = "7", ["bptt"] = "5", ["embedding"] = "16", ["hidden"] = "16", ["validate-every"] = "4", ["valid-words"] = "500" } },
        new() { Task = "sentiment", Shards = 5, Settings = new Dictionary<string, string> { ["model"] = "rnn", ["batch"] = "12", ["embedding"] = "8", ["hidden"] = "8", ["word-dropout"] = "0.1", ["validate-every"] = "4" } },
        new() { Task = "elmo", Shards = 5, Settings = new Dictionary<string, string> { ["batch"] = "7", ["bptt"] = "5", ["width"] = "8", ["vocabulary"] = "100", ["validate-every"] = "4", ["valid-words"] = "500" } },
    }.ToDictionary(spec => spec.Task);

    public static TheoryData<string> Tasks => [.. specs.Keys];

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Workers_WithUnevenShards_EqualOneWorker(string task) => TaskPromises.HasTheSameBitsOnAnyNumberOfWorkers(catalog[task], specs[task]);

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Seed_WhenTheSame_GivesTheSameWeightsAndElseOthers(string task) => TaskPromises.FollowsFromItsSeed(catalog[task], specs[task]);

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Training_LeavesNoTensorsBehind(string task) => TaskPromises.LeavesNoTensorsBehind(catalog[task], specs[task]);

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Run_StoppedAndResumed_EqualsOneNeverStopped(string task) => TaskPromises.GoesOnAsIfNeverStopped(catalog[task], specs[task]);

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Replica_Disposed_LeavesNoTensorsBehind(string task)
    {
        Driver(task).Run(2).Dispose();
        Settle();
        var live = TorchRuntime.LiveTensors;
        Driver(task).Run(2).Dispose();
        Assert.Equal(live, TorchRuntime.LiveTensors);
    }

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Model_OpenedFromItsAssets_IsTheTrainedOne(string task)
    {
        using var trained = Driver(task).Run(4);
        var assets = trained.Replica.State.Assets;
        using var opened = catalog[task].OpenReplica(specs[task], name => assets[name]) ?? catalog[task].CreateReplica(specs[task]);
        Assert.Equal(assets.Keys, opened.State.Assets.Keys);
        Assert.All(assets, asset => Assert.Equal(asset.Value, opened.State.Assets[asset.Key]));
        foreach (var (from, to) in trained.Replica.State.Tensors.Zip(opened.State.Tensors))
        {
            from.Values.CopyTo(to.Values);
        }
        opened.StateRestored();
        Assert.Equal(trained.Evaluate(), Evaluation.Run(opened, specs[task].Shards));
    }

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Memory_IsKnownBeforeTheFirstStep(string task)
    {
        using var driver = Driver(task);
        var model = driver.Replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model).Sum(tensor => 4L * tensor.Length);
        Assert.InRange(driver.Replica.MemoryBytes, 3 * model, 10 * model);
    }

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Evaluation_ChangesNothing(string task)
    {
        using var measured = Driver(task).Run(2);
        measured.Evaluate();
        using var unmeasured = Driver(task).Run(4);
        Assert.Equal(unmeasured.Hash, measured.Run(2).Hash);
    }

    /// <summary>What other tests have left to the garbage collector shall not go away while tensors are counted.</summary>
    private static void Settle()
    {
        long before;
        do
        {
            before = TorchRuntime.LiveTensors;
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        while (TorchRuntime.LiveTensors != before);
    }

    private static Lockstep Driver(string task, int workers = 1) => new(catalog[task], specs[task], workers);
}
