using Granary.Torch.Onnx;
using Granary.Training.Tasks;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Granary.Models.Tests.Pretrained;

/// <summary>A model in the hands of another program: ONNX Runtime.</summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly InferenceSession session;

    private OnnxSession(byte[] file)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        session = new(file, options);
    }

    public static OnnxSession Of(object model) => Of(((IOnnxModel)model).WriteOnnx);

    public static OnnxSession Of(OnnxGraph graph) => Of(graph.Write);

    public IReadOnlyDictionary<string, string> Notes => session.ModelMetadata.CustomMetadataMap;

    public static NamedOnnxValue Input(string name, long[][] rows) => Input(name, rows.SelectMany(row => row), rows.Length, rows[0].Length);

    public static NamedOnnxValue Input(string name, IEnumerable<long> values, params int[] shape) => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(values.ToArray(), shape));

    public static NamedOnnxValue Input(string name, IEnumerable<float> values, params int[] shape) => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(values.ToArray(), shape));

    /// <summary>The only output for some whole numbers.</summary>
    public float[] Run(params (string Name, long[][] Rows)[] inputs) => Run([.. inputs.Select(input => Input(input.Name, input.Rows))]).Single().Value;

    public float[] Run((string Name, float[] Values, int[] Shape) input) => Run(Input(input.Name, input.Values, input.Shape)).Single().Value;

    /// <summary>All outputs.</summary>
    public Dictionary<string, float[]> Run(params NamedOnnxValue[] inputs)
    {
        using var outputs = session.Run(inputs);
        return outputs.ToDictionary(output => output.Name, output => output.AsEnumerable<float>().ToArray());
    }

    public void Dispose() => session.Dispose();

    private static OnnxSession Of(Action<Stream> write)
    {
        using var file = new MemoryStream();
        write(file);
        return new(file.ToArray());
    }
}
