using System.Text;
using Granary.Testing;
using Granary.Torch.Data.Texts;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public class Word2VecTaskTests
{
    private static readonly TrainingSpec spec = new() { Task = "word2vec", Settings = new Dictionary<string, string> { ["dimension"] = "20", ["batch"] = "5000" } };

    [Fact]
    public void Training_OnTheMadeUpLanguage_FindsItsTopics()
    {
        using var driver = new Lockstep(new Word2VecTask(), spec with { Epochs = 2 });
        driver.Run(driver.Replica.TotalSteps);
        Assert.True(driver.Evaluate()["spearman.made-up"] > 0.5);
        Assert.InRange(ShareOfNeighbours((IWordVectors)driver.Replica, (word, nearest) => word.Topic == nearest.Topic), 0.9, 1);
    }

    [Fact]
    public void Training_OnEveryWord_TellsWordClassesApart()
    {
        // Words of one topic differ by the frequent words beside them, which subsampling takes away.
        var everyWord = spec with { Epochs = 2, Settings = new Dictionary<string, string>(spec.Settings) { ["sample"] = "0", ["window"] = "2" } };
        using var driver = new Lockstep(new Word2VecTask(), everyWord);
        driver.Run(driver.Replica.TotalSteps);
        Assert.InRange(ShareOfNeighbours((IWordVectors)driver.Replica, (word, nearest) => word == nearest), 0.7, 1);
    }

    [Theory]
    [InlineData("model=cbow", 0.5)]
    [InlineData("loss=hierarchical", 0.5)]
    [InlineData("subwords=true", 0.5)]
    [InlineData("model=cbow loss=hierarchical subwords=true", 0.3)]
    public void Training_OfEveryKind_FindsTheTopicsOfTheMadeUpLanguage(string kind, double similarity)
    {
        using var driver = new Lockstep(new Word2VecTask(), With(kind) with { Epochs = 3 });
        driver.Run(driver.Replica.TotalSteps);
        Assert.InRange(driver.Evaluate()["spearman.made-up"], similarity, 1);
        Assert.InRange(ShareOfNeighbours((IWordVectors)driver.Replica, (word, nearest) => word.Topic == nearest.Topic), 0.8, 1);
    }

    [Fact]
    public void UnknownWord_WithSubwords_HasNeighbours()
    {
        using var driver = new Lockstep(new Word2VecTask(), With("subwords=true")).Run(20);
        var vectors = (IWordVectors)driver.Replica;
        var known = MadeUpLanguage.BuiltIn.Words.First(word => word.EndsWith("ly", StringComparison.Ordinal));
        Assert.Equal(known, vectors.Nearest(known + known, 1)[0].Word);
        Assert.Contains("no n-gram", Assert.Throws<ArgumentException>(() => vectors.Nearest("QQQ", 1)).Message);
    }

    [Fact]
    public void Phrases_AreWordsOfTheVocabulary()
    {
        using var replica = new Word2VecTask().CreateReplica(With("phrases=1 phrase-threshold=20"));
        Assert.Contains("_", Encoding.UTF8.GetString(replica.State.Assets[Vocabulary.FileName]));
        Assert.StartsWith("1 ", Encoding.UTF8.GetString(replica.State.Assets[Phrases.FileName]));
    }

    [Fact]
    public void NGrams_LongestBeforeShortest_AreRefused() =>
        Assert.Contains("'max-gram', which is '2'", Assert.Throws<TaskSettingException>(() => new Word2VecTask().CreateReplica(With("max-gram=2"))).Message);

    [Fact]
    public void Epoch_ReadsEveryWordOnce()
    {
        using var replica = new Word2VecTask().CreateReplica(spec with { Shards = 3 });
        using var frame = replica.CreateFrame(0);
        double words = 0;
        for (var step = 0; step < replica.StepsPerEpoch; step++)
        {
            for (var shard = 0; shard < 3; shard++)
            {
                replica.ComputeGradients(new(step, 0, shard), frame);
                words += frame.Scalars[0];
            }
        }
        Assert.Equal(MadeUpLanguage.BuiltInText, words);
    }

    [Fact]
    public void ComputeGradients_LeavesEveryBitOfTheWeightsAlone()
    {
        using var driver = new Lockstep(new Word2VecTask(), spec).Run(3);
        using var frame = driver.Replica.CreateFrame(0);
        var before = driver.Hash;
        driver.Replica.ComputeGradients(new(3, 0, 2), frame);
        Assert.Contains(frame.Rows!.Values.ToArray(), change => change != 0);
        Assert.Equal(before, driver.Hash);
    }

    [Fact]
    public void ComputeGradients_OfAShardThatDiverges_LeavesTheWeightsAlone()
    {
        var wild = spec with { Settings = new Dictionary<string, string>(spec.Settings) { ["learning-rate"] = "10", ["batch"] = "100000" } };
        using var driver = new Lockstep(new Word2VecTask(), wild);
        using var frame = driver.Replica.CreateFrame(0);
        var before = driver.Hash;
        driver.Replica.ComputeGradients(new(0, 0, 0), frame);
        Assert.Equal(before, driver.Hash);
    }

    [Fact]
    public void Steps_ByDefault_AreATenthOfTheText()
    {
        using var replica = new Word2VecTask().CreateReplica(new() { Task = "word2vec" });
        Assert.Equal(10, replica.StepsPerEpoch);
    }

    [Theory]
    [InlineData("model=skipgram")]
    [InlineData("model=cbow loss=hierarchical")]
    [InlineData("subwords=true")]
    public void ComputeGradients_OnceWarm_AllocatesNothing(string kind)
    {
        using var replica = new Word2VecTask().CreateReplica(With(kind));
        using var frame = replica.CreateFrame(0);
        void Compute(int steps)
        {
            for (var step = 0; step < steps; step++)
            {
                replica.ComputeGradients(new(step, 0, 0), frame);
            }
        }
        Compute(20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Compute(20);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Apply_OfAGradientThatIsNotFinite_LeavesTheWeightsAlone()
    {
        using var replica = new Word2VecTask().CreateReplica(spec);
        using var frame = replica.CreateFrame(0);
        replica.ComputeGradients(new(0, 0, 0), frame);
        frame.Rows!.Values[^1] = float.NaN;
        var before = WeightsHash.Of(replica.State);
        Assert.Throws<NonFiniteException>(() => replica.Apply(0, 0, frame, []));
        Assert.Equal(before, WeightsHash.Of(replica.State));
    }

    [Fact]
    public void Weights_HaveTheNamesAndShapesOfAStateDict()
    {
        using var replica = new Word2VecTask().CreateReplica(spec);
        var words = replica.State.Tensors[0].Shape[0];
        Assert.Equal(["input.weight", "output.weight"], replica.State.Tensors.Select(tensor => tensor.Name));
        Assert.All(replica.State.Tensors, tensor => Assert.Equal([words, 20L], tensor.Shape));
    }

    private static TrainingSpec With(string settings) => spec with
    {
        Settings = new Dictionary<string, string>([.. spec.Settings, .. settings.Split(' ').Select(setting => KeyValuePair.Create(setting.Split('=')[0], setting.Split('=')[1]))]),
    };

    /// <summary>The share of frequent content words that are like their nearest word.</summary>
    private static double ShareOfNeighbours(IWordVectors vectors, Func<WordClass, WordClass, bool> alike)
    {
        var language = MadeUpLanguage.BuiltIn;
        // The first of a class are its most frequent words.
        var content = language.Words.GroupBy(language.ClassOf).Where(words => words.Key.Topic >= 0).SelectMany(words => words.Take(words.Count() / 2));
        return content.Average(word => alike(language.ClassOf(word), language.ClassOf(vectors.Nearest(word, 1)[0].Word)) ? 1 : 0);
    }
}
