using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Granary.Testing;
using Granary.Torch;
using Granary.Training.Checkpoints;
using Granary.Training.Randomness;
using Granary.Training.Tasks;

namespace Granary.Models.Tests;

public sealed class GptTests : IDisposable
{
    private const int Width = 6, Heads = 2, Context = 5, Vocabulary = 4, Layers = 2;
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Training_OnTheMadeUpLanguage_LearnsMoreThanHowOftenCharactersAreUsed()
    {
        using var driver = new Lockstep(LearnerTask.Of<Gpt>(), Spec("layers=1", "width=32", "context=16", "batch=32", "warm-up=10", "learning-rate=0.01") with { Steps = 120, Shards = 1 }).Run(120);
        var loss = driver.Metrics["validation.loss"];
        Assert.True(loss < 2.2, $"loss {loss}; characters drawn blindly, with their frequencies known, give 2.83");
    }

    [Fact]
    public void Weights_OfGpt2_AreReadUnderTheirNamesAndComputeWhatGpt2Does()
    {
        var weights = SmallGpt2();
        var text = "abcabccbacabbaccabcabccbacabba"; // three of which are held out: too short, so the training text is measured
        var spec = Spec("layers=2", "width=6", "heads=2", "context=5", "batch=4") with
        {
            Data = Folder(text),
            Init = Safetensors("model.safetensors", weights),
            InitMap = ["h.*.attn.bias="],
        };
        using var driver = new Lockstep(LearnerTask.Of<Gpt>(), spec);
        InitialWeights.Load(spec, driver.Replica.State);
        driver.Replica.StateRestored();
        // Characters: 0 is unknown, a is 1.
        int[] tokens = [.. text.Select(letter => letter - 'a' + 1)];
        var (loss, count) = (0d, 0);
        for (var start = 0; start + Context < tokens.Length; start += Context)
        {
            var logits = Compute(weights, tokens.AsSpan(start, Context).ToArray());
            for (var t = 0; t < Context; t++, count++)
            {
                loss += Math.Log(logits[t].Sum(Math.Exp)) - logits[t][tokens[start + t + 1]];
            }
        }
        var measured = driver.Evaluate();
        Assert.Equal(loss / count, measured["validation.loss"], 1e-5);
        Assert.Equal(loss / count / Math.Log(2), measured["validation.bits-per-byte"], 1e-5);
    }

    [Fact]
    public void BitsPerByte_OfTokensThatAreUnknown_AreNotTold()
    {
        File.WriteAllText(Path.Combine(folder.Path, "train.txt"), "abcabcabcabc");
        File.WriteAllText(Path.Combine(folder.Path, "valid.txt"), "abcabcabcabc");
        File.WriteAllText(Path.Combine(folder.Path, "test.txt"), "abxabcabcabc");
        using var driver = new Lockstep(LearnerTask.Of<Gpt>(), Spec("layers=1", "context=5") with { Data = folder.Path });
        var measured = driver.Evaluate().ToDictionary();
        Assert.Contains("validation.bits-per-byte", measured.Keys);
        Assert.Contains("test.perplexity", measured.Keys);
        Assert.DoesNotContain("test.bits-per-byte", measured.Keys);
    }

    [Theory]
    [InlineData("tokens=characters")]
    [InlineData("tokens=words")]
    [InlineData("tokens=bytes")]
    [InlineData("tokens=bpe", "vocabulary=300")]
    public void Generate_WithOneSeed_WritesOneText(params string[] settings)
    {
        using var driver = new Lockstep(LearnerTask.Of<Gpt>(), Spec([.. settings, "layers=1", "width=16", "context=8"]) with { Steps = 2 }).Run(2);
        var live = Lockstep.LiveTensors;
        var writer = (ITextGenerator)driver.Replica.Model;
        // Longer than the context, and so is the prompt.
        var text = writer.Generate("ba mati no ba mati no ba mati", 30, seed: 7);
        Assert.StartsWith("ba ", text, StringComparison.Ordinal);
        Assert.Equal(text, writer.Generate("ba mati no ba mati no ba mati", 30, seed: 7));
        Assert.NotEqual(text, writer.Generate("ba mati no ba mati no ba mati", 30, seed: 8));
        Assert.Equal(writer.Generate(null, 20, seed: 7, new(Temperature: 0)), writer.Generate(null, 20, seed: 8, new(TopK: 1)));
        Assert.Equal(live, Lockstep.LiveTensors);
    }

    [Fact]
    public void Width_ThatTheHeadsCannotShare_IsRefused()
    {
        var error = Assert.Throws<TaskSettingException>(() => LearnerTask.Of<Gpt>().CreateReplica(Spec("width=10", "heads=4")));
        Assert.Contains("10 and 4", error.Message, StringComparison.Ordinal);
    }

    private static TrainingSpec Spec(params string[] settings) =>
        new() { Task = "gpt", Shards = 2, Settings = settings.Select(setting => setting.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) };

    private string Folder(string text)
    {
        foreach (var name in new[] { "train.txt", "valid.txt", "test.txt" })
        {
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(folder.Path, "text")).FullName, name), text);
        }
        return Path.Combine(folder.Path, "text");
    }

    /// <summary>Tensors as Hugging Face writes them: the weights of linear layers have a row for each input.</summary>
    private static Dictionary<string, (int[] Shape, float[] Values)> SmallGpt2()
    {
        var random = new StepRandom(5);
        var tensors = new Dictionary<string, (int[], float[])>();
        void Add(string name, params int[] shape)
        {
            var values = new float[shape.Aggregate((product, size) => product * size)];
            foreach (ref var value in values.AsSpan())
            {
                value = (float)(random.NextNormal() / 2);
            }
            tensors.Add(name, (shape, values));
        }
        Add("wte.weight", Vocabulary, Width);
        Add("wpe.weight", Context, Width);
        Add("ln_f.weight", Width);
        Add("ln_f.bias", Width);
        for (var layer = 0; layer < Layers; layer++)
        {
            Add($"h.{layer}.attn.bias", 1, 1, Context, Context); // a mask, which is no weight
            foreach (var (name, inputs, outputs) in new[] { ("attn.c_attn", Width, 3 * Width), ("attn.c_proj", Width, Width), ("mlp.c_fc", Width, 4 * Width), ("mlp.c_proj", 4 * Width, Width) })
            {
                Add($"h.{layer}.{name}.weight", inputs, outputs);
                Add($"h.{layer}.{name}.bias", outputs);
            }
            foreach (var name in new[] { "ln_1", "ln_2" })
            {
                Add($"h.{layer}.{name}.weight", Width);
                Add($"h.{layer}.{name}.bias", Width);
            }
        }
        return tensors;
    }

    private string Safetensors(string name, Dictionary<string, (int[] Shape, float[] Values)> tensors)
    {
        var header = new Dictionary<string, object>();
        var data = new List<byte>();
        foreach (var (tensor, (shape, values)) in tensors)
        {
            var begin = data.Count;
            data.AddRange(MemoryMarshal.AsBytes(values.AsSpan()));
            header.Add(tensor, new Dictionary<string, object> { ["dtype"] = "F32", ["shape"] = shape, ["data_offsets"] = new[] { begin, data.Count } });
        }
        var json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        return folder.Write(name, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data]);
    }

    /// <summary>GPT-2 written down from its definition, number by number.</summary>
    private static double[][] Compute(Dictionary<string, (int[] Shape, float[] Values)> weights, int[] tokens)
    {
        float W(string name, int row, int column) => weights[name].Values[row * weights[name].Shape[1] + column];
        float B(string name, int place) => weights[name].Values[place];
        double[] Linear(double[] x, string name) => [.. Enumerable.Range(0, weights[$"{name}.bias"].Values.Length).Select(o => B($"{name}.bias", o) + x.Select((value, i) => value * W($"{name}.weight", i, o)).Sum())];
        double[] Norm(double[] x, string name)
        {
            var mean = x.Average();
            var deviation = Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + 1e-5);
            return [.. x.Select((value, i) => (value - mean) / deviation * B($"{name}.weight", i) + B($"{name}.bias", i))];
        }
        static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
        static double[] Plus(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

        var stream = tokens.Select((token, t) => Enumerable.Range(0, Width).Select(i => (double)W("wte.weight", token, i) + W("wpe.weight", t, i)).ToArray()).ToArray();
        const int Size = Width / Heads;
        for (var layer = 0; layer < Layers; layer++)
        {
            var parts = stream.Select(x => Linear(Norm(x, $"h.{layer}.ln_1"), $"h.{layer}.attn.c_attn")).ToArray();
            var attended = new double[tokens.Length][];
            for (var t = 0; t < tokens.Length; t++)
            {
                attended[t] = new double[Width];
                for (var head = 0; head < Heads; head++)
                {
                    var odds = Enumerable.Range(0, t + 1).Select(s => Math.Exp(Enumerable.Range(head * Size, Size).Sum(i => parts[t][i] * parts[s][Width + i]) / Math.Sqrt(Size))).ToArray();
                    for (var i = head * Size; i < (head + 1) * Size; i++)
                    {
                        attended[t][i] = odds.Select((odd, s) => odd / odds.Sum() * parts[s][2 * Width + i]).Sum();
                    }
                }
            }
            for (var t = 0; t < tokens.Length; t++)
            {
                stream[t] = Plus(stream[t], Linear(attended[t], $"h.{layer}.attn.c_proj"));
                var wide = Linear(Norm(stream[t], $"h.{layer}.ln_2"), $"h.{layer}.mlp.c_fc").Select(Gelu).ToArray();
                stream[t] = Plus(stream[t], Linear(wide, $"h.{layer}.mlp.c_proj"));
            }
        }
        return [.. stream.Select(x => Norm(x, "ln_f")).Select(x => Enumerable.Range(0, Vocabulary).Select(v => x.Select((value, i) => value * W("wte.weight", v, i)).Sum()).ToArray())];
    }
}
