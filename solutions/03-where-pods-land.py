# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 03 · Where Pods land
#
# The team wants three Pods *on each node*. The forum's answer: the scheduler spreads them. That is
# often so. When is it not? You read the scheduler's reasons, fill nodes, close and fence them, and
# find two rules that look safe and stop a release. 50 minutes.

# %%
from nodebynode import Lab

lab = Lab("03")

# %% [markdown]
# ## Round 1 · A refusal is a sentence
#
# `giant` asks for a thousand processors. Two commands wait for its Pod, and until the scheduler has
# said why that gets no node.

# %% language="bash"
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: giant
# spec:
#   replicas: 1
#   selector:
#     matchLabels: {app: giant}
#   template:
#     metadata:
#       labels: {app: giant}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           resources: {requests: {cpu: "1000"}}
# YAML
# kubectl wait deployment/giant --for=jsonpath='{.status.replicas}'=1 --timeout=30s
# kubectl wait pod -l app=giant --for=condition=PodScheduled=False --timeout=30s
# kubectl get pods -l app=giant -o jsonpath='{.items[0].status.conditions[?(@.type=="PodScheduled")].message}'

# %% [markdown]
# `0/4 nodes are available`: none of four nodes passed. Then come the reasons, in any order, each with
# the number of nodes that it ruled out. What follows `preemption:` says whether removing other Pods
# would help.
#
# First the scheduler **filters**: a node has to pass every filter, and the first one that it fails is
# told. Only then it **scores** the nodes that are left, and takes the best.
#
# **Your turn.** How many nodes were looked at? How many were ruled out by a taint, how many by
# their processors?

# %% tags=["exercise"]
### BEGIN SOLUTION sentence = {"nodes": ..., "taint": ..., "cpu": ...}
sentence = {"nodes": 4, "taint": 1, "cpu": 3}
### END SOLUTION

# %% tags=["check"]
lab.check("read-the-refusal", sentence)

# %% [markdown]
# The node with the taint is the control plane. It is in the count; remember that for round 7.

# %% language="bash"
# kubectl delete deployment giant

# %% [markdown]
# ## Round 2 · Requests fill nodes
#
# The filter for processors adds up what Pods **request**, not what they use. Each Pod of `heavy`
# requests six tenths of a worker, and then does almost nothing. There are three workers.
#
# **Guess:** how many of four such Pods get a node?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("heavy", ...)
lab.predict("heavy", 4)
### END SOLUTION

# %% [markdown]
# How much six tenths are, the cell reads from a worker.

# %% language="bash"
# worker=$(kubectl get nodes -o name | grep worker | head -1)
# cpu=$(kubectl get "$worker" -o jsonpath='{.status.allocatable.cpu}')
# case $cpu in *m) milli=${cpu%m} ;; *) milli=$((cpu * 1000)) ;; esac
# share=$((milli * 6 / 10))m
# kubectl apply -f - <<YAML
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: heavy
# spec:
#   replicas: 4
#   selector:
#     matchLabels: {app: heavy}
#   template:
#     metadata:
#       labels: {app: heavy}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           resources: {requests: {cpu: $share}}
# YAML
# kubectl wait deployment/heavy --for=jsonpath='{.status.readyReplicas}'=3 --timeout=60s
# kubectl get pods -l app=heavy -o wide

# %%
lab.compare("heavy")

# %% [markdown]
# The nodes are idle, and they are full. A request is a reservation.
#
# **Your turn.** Make all four Pods of `heavy` run, each with a request that is not zero.
# `kubectl set resources deployment heavy --requests=cpu=...` changes it. Think of the surge: while
# Pods are replaced, a fifth one needs room.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl set resources deployment heavy --requests=cpu=...   (smaller)
# kubectl set resources deployment heavy --requests=cpu=50m
# kubectl rollout status deployment/heavy --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("four-fit")

# %% language="bash"
# kubectl delete deployment heavy

# %% [markdown]
# ## Round 3 · Spreading is a preference
#
# Here is a Deployment as the team would write it. It says nothing about nodes.

# %% language="bash" tags=["setup"]
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: shop
# spec:
#   replicas: 3
#   selector:
#     matchLabels: {app: shop}
#   template:
#     metadata:
#       labels: {app: shop}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
# YAML
# kubectl rollout status deployment/shop --timeout=60s

# %%
lab.live()

# %% [markdown]
# One Pod on each worker. Nothing in your text asked for that: of nodes that pass the filters, the
# scheduler gives more points to those with fewer Pods of the same kind.
#
# **Guess:** two of three workers are closed with `kubectl cordon`. How many Pods leave them?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("cordon", ...)
lab.predict("cordon", 2)
### END SOLUTION

# %% language="bash" tags=["setup"]
# for node in $(kubectl get nodes -o name | grep worker | tail -2); do
# kubectl cordon "$node"
# done
# kubectl get nodes
# kubectl get pods -l app=shop -o wide

# %%
lab.compare("cordon")

# %% [markdown]
# Cordoned means: no *new* Pods. All three run on. Next you replace them, without an outage.
#
# **Guess:** how many of the three new ones will find a node?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("one-node", ...)
lab.predict("one-node", 1)
### END SOLUTION

# %% [markdown]
# **Your turn.** Replace all Pods of `shop`, with three ready all the time. `kubectl rollout restart`
# does that, each new one before an old one goes; `kubectl rollout status` waits for the end.

# %% language="bash" tags=["exercise", "setup"]
# ### BEGIN SOLUTION # kubectl rollout ...   (restart it, then wait)
# kubectl rollout restart deployment/shop
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("three-on-one")

# %%
lab.compare("one-node")

# %% [markdown]
# Three on one machine: when that fails, so does the app. After the filters one node was left, and a
# preference cannot rule out the last one.
#
# ## Round 4 · Nothing moves back
#
# Both workers are opened again. They are empty, and the third is crowded.
#
# **Guess:** how many Pods move back?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("uncordon", ...)
lab.predict("uncordon", 2)
### END SOLUTION

# %% language="bash" tags=["setup"]
# for node in $(kubectl get nodes -o name | grep worker | tail -2); do
# kubectl uncordon "$node"
# done
# kubectl get pods -l app=shop -o wide --watch --request-timeout=2s || true

# %% [markdown]
# The cell watched for two seconds. Look as long as you like. Then compare.

# %%
lab.map()

# %%
lab.compare("uncordon")

# %% [markdown]
# The scheduler looks at a Pod once, before the Pod has a node. Nobody looks again: not after an
# uncordon, and not when a new node joins. Only *new* Pods can go there.
#
# **Your turn.** Fill the empty workers again, so that at each instant three Pods are ready.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # what makes new Pods, without a gap? (then wait until it is done)
# kubectl rollout restart deployment/shop
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("filled-again")

# %% [markdown]
# Scaling up would have brought new Pods, too, and left the crowd where it was. A descheduler (an
# add-on) evicts Pods from crowded nodes; even then it is the scheduler that places the next ones.

# %% language="bash"
# kubectl delete deployment shop

# %% [markdown]
# ## Round 5 · Fences and signposts
#
# One worker is reserved for the team *data*. A **taint** is a fence: Pods without a matching
# **toleration** are filtered out.

# %% language="bash"
# worker=$(kubectl get nodes -o name | grep worker | tail -1 | cut -d/ -f2)
# kubectl taint node "$worker" team=data:NoSchedule --overwrite

# %% [markdown]
# **Guess:** the Pods of `data` tolerate the taint. Where do the three of them land?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("toleration", ...)
lab.predict("toleration", "all three")
### END SOLUTION

# %% language="bash"
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: data
# spec:
#   replicas: 3
#   selector:
#     matchLabels: {app: data}
#   template:
#     metadata:
#       labels: {app: data}
#     spec:
#       tolerations:
#         - {key: team, operator: Equal, value: data, effect: NoSchedule}
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
# YAML
# kubectl rollout status deployment/data --timeout=60s
# kubectl get pods -l app=data -o wide

# %%
lab.compare("toleration")

# %% [markdown]
# A toleration is a key for the gate. It draws nobody in. A **nodeSelector** (or node affinity) does:
# a filter that passes only nodes with a label.
#
# **Your turn.** Let the scheduler place all three Pods of `data` on the reserved worker: label the
# worker `team=data`, and give the template the matching `nodeSelector`.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl label ...; kubectl patch deployment data -p ...
# worker=$(kubectl get nodes -o name | grep worker | tail -1 | cut -d/ -f2)
# kubectl label node "$worker" team=data
# kubectl patch deployment data -p '{"spec": {"template": {"spec": {"nodeSelector": {"team": "data"}}}}}'
# kubectl rollout status deployment/data --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("own-worker")

# %% [markdown]
# The fence keeps others out, the signpost leads these in.
#
# **Guess:** the label is taken away again while the Pods run. How many of them leave?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("relabel", ...)
lab.predict("relabel", 3)
### END SOLUTION

# %% language="bash"
# worker=$(kubectl get nodes -o name | grep worker | tail -1 | cut -d/ -f2)
# kubectl label node "$worker" team-
# kubectl get pods -l app=data -o wide

# %%
lab.map()

# %%
lab.compare("relabel")

# %% [markdown]
# Filters are asked at scheduling only. (One taint is different: `NoExecute` also evicts Pods that
# run.) The fence goes, and `data` with it.

# %% language="bash"
# worker=$(kubectl get nodes -o name | grep worker | tail -1 | cut -d/ -f2)
# kubectl taint node "$worker" team-
# kubectl delete deployment data

# %% [markdown]
# ## Round 6 · Never two on one node
#
# A preference was not enough, so somebody makes it a rule: **required anti-affinity**. A node that
# holds a Pod of `apart` fails the filter for the next.

# %% language="bash"
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: apart
# spec:
#   replicas: 3
#   selector:
#     matchLabels: {app: apart}
#   template:
#     metadata:
#       labels: {app: apart}
#     spec:
#       affinity:
#         podAntiAffinity:
#           requiredDuringSchedulingIgnoredDuringExecution:
#             - topologyKey: kubernetes.io/hostname
#               labelSelector:
#                 matchLabels: {app: apart}
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
# YAML
# kubectl rollout status deployment/apart --timeout=60s

# %% [markdown]
# **Guess:** the team asks for a fourth replica. How many Pods of `apart` get a node?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("fourth", ...)
lab.predict("fourth", 4)
### END SOLUTION

# %% language="bash"
# kubectl scale deployment apart --replicas=4
# kubectl wait deployment/apart --for=jsonpath='{.status.unavailableReplicas}'=1 --timeout=30s
# kubectl wait pod -l app=apart --field-selector=status.phase=Pending \
#   --for=condition=PodScheduled=False --timeout=30s
# kubectl get pods -l app=apart --field-selector=status.phase=Pending \
#   -o jsonpath='{.items[0].status.conditions[?(@.type=="PodScheduled")].message}'
# echo
# kubectl scale deployment apart --replicas=3

# %%
lab.compare("fourth")

# %% [markdown]
# Three workers, three Pods, no place for a fourth. That was asked for.
#
# **Guess:** a release to version 2, with the default strategy. How does it go?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("release", ...)
lab.predict("release", "all three become version 2")
### END SOLUTION

# %% language="bash"
# kubectl set image deployment/apart shop=localhost/shop:v2
# kubectl rollout status deployment/apart --timeout=3s || echo "exit code $?"
# kubectl get pods -l app=apart -o wide

# %%
lab.compare("release")

# %% [markdown]
# The rollout wants one Pod more *before* it takes one away, and the rule has no node for it. Nothing
# ends this by itself.
#
# **Your turn.** Finish the release, and keep the rule. At least two Pods have to be ready all the time.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # change what the rollout may do first, and wait for its end
# kubectl patch deployment apart -p '{"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}}'
# kubectl rollout status deployment/apart --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("apart-released")

# %% language="bash"
# kubectl delete deployment apart

# %% [markdown]
# ## Round 7 · Evenly, or not at all
#
# **Topology spread** with `maxSkew: 1` says that the numbers of Pods on two nodes may differ by one at
# most. `DoNotSchedule` makes it hard.

# %% language="bash"
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: even
# spec:
#   replicas: 3
#   selector:
#     matchLabels: {app: even}
#   template:
#     metadata:
#       labels: {app: even}
#     spec:
#       topologySpreadConstraints:
#         - topologyKey: kubernetes.io/hostname
#           maxSkew: 1
#           whenUnsatisfiable: DoNotSchedule
#           labelSelector:
#             matchLabels: {app: even}
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
# YAML
# kubectl rollout status deployment/even --timeout=60s

# %% [markdown]
# 1, 1, 1: as even as can be. Now one worker needs maintenance. `kubectl drain` cordons it and evicts
# its Pods (lab 05). Two workers are left for three Pods: 2 and 1 differ by one.
#
# **Guess:** what becomes of the Pod that was evicted?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("drained", ...)
lab.predict("drained", "it runs on another worker")
### END SOLUTION

# %% language="bash"
# node=$(kubectl get pods -l app=even -o jsonpath='{.items[0].spec.nodeName}')
# kubectl drain "$node" --ignore-daemonsets --pod-selector=app=even --timeout=60s
# kubectl wait pod -l app=even --field-selector=status.phase=Pending \
#   --for=condition=PodScheduled=False --timeout=30s
# kubectl get pods -l app=even --field-selector=status.phase=Pending \
#   -o jsonpath='{.items[0].status.conditions[?(@.type=="PodScheduled")].message}'
# echo
# kubectl get pods -l app=even -o wide

# %%
lab.compare("drained")

# %% [markdown]
# The cordoned worker still counts as a place with 0 Pods: 2 and 0 differ by two. Where the control
# plane is a node, that is such a place *for ever*. So the rule also stops a fourth replica, and the
# extra Pod of a rollout.
#
# Two fields of the constraint help, and you need both:
#
# | field | what it changes |
# |---|---|
# | `nodeTaintsPolicy: Honor` | nodes with taints that the Pod does not tolerate do not count |
# | `matchLabelKeys: [pod-template-hash]` | old and new Pods are counted apart, so a rollout ends even |
#
# First the worker is opened, and the waiting Pod gets a node.

# %% language="bash"
# node=$(kubectl get nodes -o jsonpath='{.items[?(@.spec.unschedulable==true)].metadata.name}')
# kubectl uncordon "$node"
# kubectl rollout status deployment/even --timeout=60s

# %% [markdown]
# **On your own.** Repair the constraint (it stays hard, with `maxSkew: 1`), let the rollout end, and
# then drain a worker on which a Pod of `even` runs. All three have to be ready on the other two, and
# two at least all the way. Leave the worker cordoned.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl patch deployment even -p '
# spec:
#   template:
#     spec:
#       topologySpreadConstraints:
#         - topologyKey: kubernetes.io/hostname
#           whenUnsatisfiable: DoNotSchedule
#           nodeTaintsPolicy: Honor
#           matchLabelKeys: [pod-template-hash]
# '
# kubectl rollout status deployment/even --timeout=60s
# node=$(kubectl get pods -l app=even -o jsonpath='{.items[0].spec.nodeName}')
# kubectl drain "$node" --ignore-daemonsets --pod-selector=app=even --timeout=60s
# kubectl rollout status deployment/even --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("even-when-drained")

# %% [markdown]
# All that you foretold, beside what came:

# %%
lab.compare()

# %% [markdown]
# And all of it once more, to be played and stepped through:

# %%
lab.replay()

# %% [markdown]
# ## In your own words
#
# Tell the team in three sentences why they need not pin three Pods to each node, and what the
# scheduler does not promise.
#
# <details><summary>One way to say it</summary>
#
# The scheduler rules out nodes that cannot take a Pod, and gives the Pod the best of the others, which
# prefers nodes with fewer Pods of the same app. That is a preference at one instant: with few nodes
# open all Pods may share one, and nothing moves back later, until new Pods are made. A hard rule
# keeps Pods apart, but try a release and a drain with it first, since it may leave a Pod no place.
#
# </details>
#
# ## What it came to

# %%
lab.summary()

# %% [markdown]
# The last cell puts the cluster back: your namespace, labels, taints and cordons go.

# %%
lab.close()
