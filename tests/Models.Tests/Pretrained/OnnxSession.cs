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

    public static OnnxSession Of(object model)
    {
        using var file = new MemoryStream();
        ((IOnnxModel)model).WriteOnnx(file);
        return new(file.ToArray());
    }

    public IReadOnlyDictionary<string, string> Notes => session.ModelMetadata.CustomMetadataMap;

    /// <summary>The only output for some whole numbers.</summary>
    public float[] Run(params (string Name, long[][] Rows)[] inputs) =>
        Run([.. inputs.Select(input => NamedOnnxValue.CreateFromTensor(input.Name, new DenseTensor<long>(input.Rows.SelectMany(row => row).ToArray(), [input.Rows.Length, input.Rows[0].Length])))]);

    public float[] Run((string Name, float[] Values, int[] Shape) input) => Run([NamedOnnxValue.CreateFromTensor(input.Name, new DenseTensor<float>(input.Values, input.Shape))]);

    public void Dispose() => session.Dispose();

    private float[] Run(List<NamedOnnxValue> inputs)
    {
        using var outputs = session.Run(inputs);
        return [.. outputs.Single().AsEnumerable<float>()];
    }
}
