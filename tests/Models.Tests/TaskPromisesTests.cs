using System.Runtime.CompilerServices;
using Granary.Testing;
using Granary.Torch.Runtime;
using Granary.Training.Loop;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

/// <summary>What every task promises, besides that it learns. A new task is one more spec here.</summary>
public class TaskPromisesTests
{
    private static readonly TaskCatalog catalog = TaskCatalog.Of(typeof(TwoLayer).Assembly);

    // Small settings, and five shards: no number of workers divides them evenly. Some tasks have several lines.
    public static TheoryData<string> Tasks =>
    [
        "two-layer",
        "fizzbuzz hidden=50 batch=101",
        "gan hidden=32 batch=48",
        "cnn batch=53 maps=2 hidden=8 validate-every=8 shift=2",
        "resnet batch=53 width=4 size=16 validate-every=8",
        "transfer batch=53 width=4 size=16 train=head validate-every=8",
        "dcgan batch=13 maps=4 size=16 latent=8 validate-every=8",
        "style size=16",
        "style-network size=16 maps=2 blocks=1 batch=7 validate-every=8",
        "sentiment model=wordavg batch=33 embedding=8 validate-every=8",
        "sentiment model=cnn batch=33 embedding=8 filters=4 validate-every=8",
        "sentiment model=rnn batch=33 embedding=8 hidden=8 word-dropout=0.1 validate-every=8",
        "elmo batch=7 bptt=5 width=8 vocabulary=100 validate-every=4 valid-words=500",
        "seq2seq batch=23 embedding=8 hidden=8 validate-every=8 longest=9 bleu-sentences=30 teacher-forcing=0.5",
        "word2vec dimension=20 batch=2000",
        "word2vec dimension=20 batch=2000 model=cbow",
        "word2vec dimension=20 batch=2000 loss=hierarchical",
        "word2vec dimension=20 batch=2000 subwords=true",
        "word2vec dimension=20 batch=2000 phrases=2 phrase-threshold=20",
        "word2vec dimension=20 batch=2000 model=cbow loss=hierarchical subwords=true buckets=1000",
        "gpt batch=33 context=9 layers=2 heads=2 width=12 dropout=0.1 tokens=bpe vocabulary=300 validate-every=8",
        "bert batch=33 context=9 layers=2 heads=2 width=12 dropout=0.1 tokens=pieces vocabulary=200 validate-every=8",
        "bert batch=33 context=9 layers=2 heads=2 width=12 dropout=0.1 architecture=original validate-every=8",
        "lm batch=7 bptt=5 embedding=16 hidden=16 validate-every=4 valid-words=500",
    ];

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Workers_WithUnevenShards_EqualOneWorker(string task) => TaskPromises.HasTheSameBitsOnAnyNumberOfWorkers(TaskOf(task), SpecOf(task));

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Seed_WhenTheSame_GivesTheSameWeightsAndElseOthers(string task) => TaskPromises.FollowsFromItsSeed(TaskOf(task), SpecOf(task));

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Training_LeavesNoTensorsBehind(string task) => TaskPromises.LeavesNoTensorsBehind(TaskOf(task), SpecOf(task));

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Run_StoppedAndResumed_EqualsOneNeverStopped(string task) => TaskPromises.GoesOnAsIfNeverStopped(TaskOf(task), SpecOf(task));

    // OpenMP gives a thread as many helpers as there are cores, until it is told otherwise: sums would be cut into other parts.
    [Theory]
    [InlineData("dcgan batch=13 maps=4 size=16 latent=8")]
    [InlineData("gpt batch=33 context=9 layers=2 heads=2 width=12")]
    public void Thread_ThatHasNeverComputed_GivesTheSameBits(string task)
    {
        var spec = SpecOf(task) with { Shards = 4 };
        using var here = new Lockstep(TaskOf(task), spec).Run(2);
        var there = "";
        var thread = new Thread(() =>
        {
            using var training = new Lockstep(TaskOf(task), spec).Run(2);
            there = training.Hash;
        });
        thread.Start();
        thread.Join();
        Assert.Equal(here.Hash, there);
    }

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Replica_Disposed_LeavesNoTensorsBehind(string task) => LeavesNothingBehind(() => ComeAndGo(task));

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Model_OpenedFromItsAssets_IsTheTrainedOne(string task)
    {
        using var trained = Driver(task).Run(4);
        var assets = trained.Replica.State.Assets;
        using var opened = TaskOf(task).OpenReplica(SpecOf(task), name => assets[name]) ?? TaskOf(task).CreateReplica(SpecOf(task));
        Assert.Equal(assets.Keys, opened.State.Assets.Keys);
        Assert.All(assets, asset => Assert.Equal(asset.Value, opened.State.Assets[asset.Key]));
        foreach (var (from, to) in trained.Replica.State.Tensors.Zip(opened.State.Tensors))
        {
            from.Values.CopyTo(to.Values);
        }
        opened.StateRestored();
        Assert.Equal(trained.Evaluate(), Evaluation.Run(opened, SpecOf(task).Shards));
    }

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Memory_IsKnownBeforeTheFirstStep(string task)
    {
        using var driver = Driver(task);
        var model = driver.Replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model).Sum(tensor => 4L * tensor.Length);
        Assert.InRange(driver.Replica.MemoryNeeds.Sum(need => need.Bytes), 3 * model, 10 * model);
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

    /// <summary>As many tensors are alive after something was done for the second time as after the first.</summary>
    internal static void LeavesNothingBehind(Action comeAndGo)
    {
        Come();
        var live = TorchRuntime.LiveTensors;
        Come();
        Assert.True(TorchRuntime.LiveTensors <= live, $"{TorchRuntime.LiveTensors} tensors are alive, and {live} were before");

        void Come()
        {
            comeAndGo();
            Settle();
        }
    }

    internal static TrainingSpec SpecOf(string task)
    {
        var words = task.Split(' ');
        return new() { Task = words[0], Shards = 5, Settings = words.Skip(1).Select(word => word.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) };
    }

    // A method of its own, so that nothing on the stack holds the model: a convolution has a tensor that goes with it alone.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ComeAndGo(string task) => Driver(task).Run(2).Dispose();

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

    internal static ITrainingTask TaskOf(string task) => catalog[SpecOf(task).Task];

    private static Lockstep Driver(string task, int workers = 1) => new(TaskOf(task), SpecOf(task), workers);
}
